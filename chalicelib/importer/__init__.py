"""Loading a catalogue from Django's own fixture format."""
