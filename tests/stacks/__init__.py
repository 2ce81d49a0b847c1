"""Listing the stacks that are behind, and updating them in waves."""
