"""The settings: one table, the kinds of values in it, and the layers that fill it."""
