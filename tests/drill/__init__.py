"""The drill: 30 repositories as teams have them, deployed on the embedded AWS, and whether each command says what is so.

``make drill`` runs it and prints the table; ``tests/aws/test_drill.py`` is the same as a test.
"""
