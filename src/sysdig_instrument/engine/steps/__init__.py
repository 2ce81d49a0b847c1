"""What changes in a task definition, one file for each thing. A step reads the original and yields changes and findings.

Steps own their keys (each file's docstring names them), so the order below is that of the plan's lines and nothing else.
"""
