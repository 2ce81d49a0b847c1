"""Tests of ``sysdig-instrument coverage``. Not called «coverage», which is the name of a library."""
