"""Code hosts, one file each behind one small interface."""
