"""Ways around protection, generated from instrumented task definitions, and the answers of all that judge them."""
