"""The test side of the upstream hosts: recordings replayed, and a simulated world."""
