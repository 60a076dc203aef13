"""Loading a catalogue by putting it in the bucket, under ``catalogues/``."""
