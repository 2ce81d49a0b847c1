"""The Lambda function: the macro, and the hook that inspects task definitions. It may use Powertools, and not ``cli``."""
