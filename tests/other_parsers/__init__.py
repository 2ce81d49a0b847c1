"""YAML that the project writes, read by parsers that it does not use: old and new ones, in Python and in JavaScript."""
