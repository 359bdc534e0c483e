"""How soon do ``import zoobot`` and ``zoobot --help`` answer?

The figures are medians of 5 fresh processes each, beside Python's own start. python benchmarks/start_up.py
"""

import os
import statistics
import subprocess
import sys
import time

RUNS = 5
COMMANDS = {
    "python -c pass": ("pass", None),
    "import zoobot": ("import zoobot", 0.3),
    "zoobot --help": ("import sys; sys.argv = ['zoobot', '--help']; from zoobot.cli import main; main()", 0.7),
}


def seconds(code: str) -> float:
    """Return the wall-clock time of a fresh Python process that runs ``code``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time each command and print the table."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"median of {RUNS} fresh processes, Python {sys.version.split()[0]}, {cores} cores\n")
    print(f"{'':16}{'median':>9}{'slowest':>9}{'goal':>9}")
    for name, (code, goal) in COMMANDS.items():
        seconds(code)  # the first one reads the files from disk
        times = [seconds(code) for _ in range(RUNS)]
        wanted = "" if goal is None else f"< {goal} s"
        print(f"{name:16}{statistics.median(times):>7.3f} s{max(times):>7.3f} s{wanted:>9}")


if __name__ == "__main__":
    main()
