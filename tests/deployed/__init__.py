"""The optional parts as their templates deploy them: what exists, with which variables and permissions, and what they call."""
