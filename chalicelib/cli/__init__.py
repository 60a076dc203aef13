"""The operator's commands: ``packgrid``, or ``python -m chalicelib.cli``."""
