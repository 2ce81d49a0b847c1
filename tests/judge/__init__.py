"""A second reading of the contract, which shares no code with the engine that it judges."""
