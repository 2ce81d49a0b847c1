"""The command line tool. A regular package, because python-hcl2 installs one of this name, and a folder would stand behind it."""
