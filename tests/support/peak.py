"""The peak of memory of a process, as the system counted it."""

import os
import subprocess
import sys


def peak_mb(process: "subprocess.Popen[bytes]") -> float:
    """Wait for a process to end; the largest resident size that it ever had, in MB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
