"""The simulated hosts are a tool of their own: they run without the tests."""

import subprocess
import sys


def test_the_simulated_hosts_import_nothing_from_the_tests() -> None:
    code = (
        "import sys, tools.fakehosts.__main__, tools.fakehosts.comparison, tools.fakehosts.replay\n"
        "print([name for name in sys.modules if name.partition('.')[0] in {'tests', 'pytest'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
