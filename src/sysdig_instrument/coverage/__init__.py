"""Which running ECS tasks of an account are protected, by which agent, and why the others are not.

``reading`` asks AWS and gives values (``account``); ``judging`` and ``report`` are pure; ``table`` and ``document`` spell
the report out. What should be protected is the engine's decision, the same as the macro's.
"""
