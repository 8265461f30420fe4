"""Invented data to try the program with: units, households and people that do not exist."""

from server.demo.unit import documents

__all__ = ["documents"]
