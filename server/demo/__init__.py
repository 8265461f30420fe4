"""Invented data to try the program with: units, households and people that do not exist."""

from server.demo.unit import documents
from server.demo.ward import FILE, SignIn, fill

__all__ = ["FILE", "SignIn", "documents", "fill"]
