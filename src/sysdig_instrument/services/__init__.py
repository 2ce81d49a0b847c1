"""Move the services of a cluster to task definitions with the agent.

``decide.py`` decides what to do and does no I/O, ``ecs.py`` calls Amazon ECS, and ``rollout.py`` carries it out.
"""
