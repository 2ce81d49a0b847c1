"""The removal of what was written, from text to text."""
