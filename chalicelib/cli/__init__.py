"""The operator's commands: ``python -m chalicelib.cli``."""
