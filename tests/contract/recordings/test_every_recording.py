"""No scenario is forgotten."""

from pathlib import Path


def test_every_recording_is_named_in_a_test(recordings: Path) -> None:
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    names = sorted(path.name for path in recordings.glob("*.har"))
    assert [name for name in names if not any(f'"{name}"' in text for text in tests)] == []
