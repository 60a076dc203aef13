"""What runs on this machine: engines by their state folder, and sockets by their port (Linux)."""

import os
import re
import select
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Of TCP, as the kernel writes it.
LISTEN = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True, order=True)
class Socket:
    """An Internet socket: protocol, local address as the kernel writes it, port and state."""

    protocol: str
    address: str
    port: int
    state: str


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


def sockets_of(pid: int) -> list[Socket]:
    """The Internet sockets of a process and of all processes that it started."""
    inodes = {inode for one in (pid, *_descendants(pid)) for inode in _socket_inodes(one)}
    found = []
    for protocol in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        for line in Path("/proc/net", protocol).read_text().splitlines()[1:]:
            columns = line.split()
            address, port = columns[1].split(":")
            if columns[9] in inodes:
                found.append(Socket(protocol, address, int(port, 16), columns[3]))
    return sorted(found)


def _socket_inodes(pid: int) -> Iterator[str]:
    for link in Path("/proc", str(pid), "fd").iterdir():
        try:
            match = _SOCKET.fullmatch(str(link.readlink()))
        except OSError:
            continue
        if match:
            yield match[1]


def _descendants(pid: int) -> Iterator[int]:
    for children in Path("/proc", str(pid), "task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)
