"""Expressions of a template: their values, the conditions that they depend on, and what they may refer to."""
