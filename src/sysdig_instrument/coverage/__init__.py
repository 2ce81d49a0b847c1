"""Report which running ECS tasks of an account are protected, by which agent, and why the others are not.

``ecs`` reads the account and returns values (``model``). ``assess`` and ``report`` are pure. ``json_report`` renders the
report as JSON; its table is a format of the command line tool. The engine decides which tasks should be protected, by
the same rules as in the macro.
"""
