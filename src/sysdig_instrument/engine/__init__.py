"""The pure core: template in, plan out. No I/O, no clock, no environment, no logging (tests/test_architecture.py)."""
