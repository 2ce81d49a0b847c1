"""A test oracle: a second implementation of what the documentation promises, which shares no code with the engine that it verifies."""
