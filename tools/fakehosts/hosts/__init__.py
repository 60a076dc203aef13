"""The simulated hosts: their responses and their rate limits."""
