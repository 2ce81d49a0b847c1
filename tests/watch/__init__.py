"""Watch, and the deployment hook of Amazon ECS."""
