"""Tests of ``sysdig_instrument.registry`` and ``sysdig_instrument.answers``."""
