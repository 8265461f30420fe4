"""Copies of a whole installation: read, kept in one file, put back, or carried to another store."""
