"""Events that are made to use up the macro's time or memory."""
