"""Run ECS task definitions on this machine, each container in a sandbox of bubblewrap, from its image in a registry.

It shows what a task definition starts, not what Fargate is: docs/testing.md lists what differs.
"""
