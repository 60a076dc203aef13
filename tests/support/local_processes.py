"""What runs on this machine: engines by their state folder, and sockets by their port (Linux)."""

import os
import select
from pathlib import Path


def engines_of(state: Path) -> list[int]:
    """Ids of the processes that run an engine on this state folder."""
    wanted = f"STATE_DIR={(state / 'engine').absolute()}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            ended = (folder / "stat").read_text().rpartition(") ")[2].startswith("Z")
        except OSError:
            continue
        if wanted in environment.split(b"\0") and not ended:
            found.append(int(folder.name))
    return found


def wait_for_end(pid: int, seconds: float = 30) -> bool:
    """Whether a process, not necessarily our child, ends within this time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready, _, _ = select.select([handle], [], [], seconds)
        return bool(ready)
    finally:
        os.close(handle)


def listening(port: int) -> list[str]:
    """The addresses, as the kernel writes them, at which anything listens on this port."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            address, number = line.split()[1].split(":")
            if int(number, 16) == port and line.split()[3] == "0A":
                found.append(address)
    return found
