"""Tests of ``sysdig_instrument.lookup`` and ``sysdig_instrument.lookup.answers``."""
