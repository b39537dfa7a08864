"""The whole system as it is run: the real engine, real processes."""
