"""The monthly bill, computed from measured usage and a dated table of prices."""
