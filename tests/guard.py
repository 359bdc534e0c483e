"""Limits on time and memory for tests of hostile files, which fail where they would hang or fill the memory."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def guarded(seconds: int = 60, gigabytes: float = 4) -> Iterator[None]:
    """Fail the test where what is inside takes longer, or more memory on top of what this process has."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"it takes more than {seconds} s"))
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (used + int(gigabytes * 1e9), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
