"""Does one job on one side, in a process of its own, and writes what it measured.

    python job.py SIDE SPEC.json RESULT.json

``KEEP_FREED_MEMORY=1`` gives the peer the allocator settings that our commands make for themselves
(`zoobot.precision`).
"""

import ctypes
import importlib
import json
import os
import sys
import time
from pathlib import Path


def keep_freed_memory() -> None:
    """Call mallopt as `zoobot.precision.keep_freed_memory` does; must come before torch is imported."""
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(top_pad, 2**28)


def main() -> None:
    """Run the job."""
    side, spec_file, result_file = sys.argv[1:]
    if os.environ.get("KEEP_FREED_MEMORY") == "1":
        keep_freed_memory()
    if side == "peer":
        sys.tracebacklimit = 0  # tracebacks quote the source, and the peer's is not to be read
    start = time.perf_counter()
    tasks = importlib.import_module(f"side_{side}")
    from spec import Spec

    spec = Spec(**json.loads(Path(spec_file).read_text()))
    import_seconds = time.perf_counter() - start
    result = getattr(tasks, spec.task)(spec) | {"import_seconds": import_seconds}
    Path(result_file).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
