"""Moving services to task definitions with the agent."""
