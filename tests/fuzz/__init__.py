"""Fuzzing, guided by coverage: ``make fuzz``. Each finding becomes a test with the smallest input that shows it."""
