"""The commands, a module each. ``run(options, environment)`` runs the command and returns the exit code."""
