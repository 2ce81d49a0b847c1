"""The settings: their table, their types, and the layers that give them values."""
