"""Report which running ECS tasks of an account are protected, by which agent, and why the others are not.

``ecs`` reads the account and returns values (``model``). ``assess`` and ``report`` are pure. ``table`` and
``json_report`` render the report. The engine decides which tasks should be protected, by the same rules as in the
macro.
"""
