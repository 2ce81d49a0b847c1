"""Tests of the command line tool.

This file makes the folder a regular package. Otherwise the package of this name that python-hcl2 installs would take
precedence.
"""
