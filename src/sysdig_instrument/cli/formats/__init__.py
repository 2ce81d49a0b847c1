"""What is known about the task definitions of files, in the forms that people and their tools read."""
