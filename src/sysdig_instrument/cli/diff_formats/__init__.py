"""The formats of ``diff``."""
