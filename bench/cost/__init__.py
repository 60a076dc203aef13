"""The monthly bill, computed from measured units and one dated table of prices."""
