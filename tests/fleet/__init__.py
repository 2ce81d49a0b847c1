"""The fleet: stacks on the embedded AWS of which some are behind, updated in waves of which one has a failure."""
