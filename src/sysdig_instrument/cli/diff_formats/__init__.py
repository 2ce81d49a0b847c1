"""Differences between two texts, for people and for ``patch``."""
