"""Fuzzing, guided by coverage: ``make fuzz``. What it finds becomes a test beside the others, with the least input for it."""
