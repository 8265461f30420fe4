"""A unit's households from an office's sheet. Empty, so that its reader starts quickly."""
