"""A test oracle: a second implementation of the contract, which shares no code with the engine that it verifies."""
