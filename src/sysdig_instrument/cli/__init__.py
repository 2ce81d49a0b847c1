"""The command line tool. Its modules are imported late, a command's own only when it is called: ``--help`` is to be quick."""
