"""Every recorded scenario and the right outcome of it; run with ``--recordings DIR``."""
