"""Add Sysdig's serverless agent to ECS task definitions: a CloudFormation macro and a command line tool."""

__version__ = "1.0.0"
