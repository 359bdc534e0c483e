"""What a run left that must not depend on how fast it was."""

import json
from pathlib import Path


def outcome(out: Path, name: str) -> bytes:
    """Return a file's content; of ``metrics.json``, all but the timing."""
    content = (out / name).read_bytes()
    if name != "metrics.json":
        return content
    metrics = json.loads(content)
    assert metrics.pop("timing")["total_seconds"] > 0
    return json.dumps(metrics).encode()
