#!/usr/bin/env bash
# ministack is an emulator of AWS behind one HTTP port, and BIND_HOST says where it listens. With
# BIND_HOST=127.0.0.1 one expects nothing to be reachable from the network. If the package
# `cryptography` is installed, which many projects have anyway, it opens a second listener for MQTT
# over TLS, on port 8883 unless IOT_MTLS_PORT says otherwise. That one does not follow BIND_HOST: it
# is on all interfaces. IOT_MTLS_ENABLED=0 switches it off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  ministack==1.5.33 cryptography==46.0.3 2>/dev/null
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

folder = Path(sys.argv[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def listening(pid: int) -> set[tuple[str, int]]:
    """Return the addresses that a process listens on."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(link)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            address, port = fields[1].split(":")
            found.add((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
    return found


port, mqtt = free_port(), free_port()
environment = {
    **os.environ,
    "BIND_HOST": "127.0.0.1",
    "GATEWAY_PORT": str(port),
    "IOT_MTLS_PORT": str(mqtt),
    "STATE_DIR": str(folder / "state"),
    "TMPDIR": str(folder),
}
process = subprocess.Popen(
    [sys.executable, "-m", "ministack"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
)
try:
    deadline = time.monotonic() + 60
    found: set[tuple[str, int]] = set()
    while len(found) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
        found = listening(process.pid)
finally:
    process.send_signal(signal.SIGTERM)
    process.wait(30)
print("ministack", version("ministack"), "cryptography", version("cryptography"))
names = {port: "HTTP", mqtt: "MQTT"}
for address, number in sorted(found):
    print(f"listens on {address}: {names.get(number, number)}")
if ("127.0.0.1", port) not in found or ("0.0.0.0", mqtt) not in found:
    raise SystemExit("this has changed")
PYTHON
