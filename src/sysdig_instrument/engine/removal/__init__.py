"""Take out of a task definition what was written into it: the opposite of a plan.

:mod:`uninstrument` is the entry point. :mod:`records` is what a plan calls, so that this is possible.
"""
