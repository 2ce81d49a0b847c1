"""Read the stacks of an account from CloudFormation: which list the macro, which need to, and which it would change today.

``read`` calls CloudFormation and returns values (``model``). ``assess`` is pure: the engine decides about what is deployed, by
the same rules as in the macro.
"""
