"""What this machine computes with: the name, abilities and cores of its processor."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


def cpu_name() -> str:
    """Return the processor's name where Linux tells it, else its kind."""
    return _cpu_info("model name") or platform.processor() or platform.machine()


def cpu_flags() -> set[str]:
    """Return the names of the processor's abilities, such as ``avx512_bf16``; none where the system doesn't tell."""
    return set(_cpu_info("flags").split())


def cpu_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _cpu_info(entry: str) -> str:
    """Return an entry of the first processor in ``/proc/cpuinfo``; empty where there is none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(entry)), "")
