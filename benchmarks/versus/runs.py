"""Runs jobs, each in a process of its own, and keeps what they measured, so that an interrupted benchmark goes on."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

import zoobot
from versus.environment import PEER, clean_environment
from versus.spec import Spec

SIDES = {
    "peer": ("peer", False),
    "peer, same allocator": ("peer", True),
    "ours": ("ours", False),
    "timm": ("timm", False),
}
SECONDS_BETWEEN_SAMPLES = 0.2
LONGEST = 7200.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is measured under a name: a task on some sides, so many times."""

    name: str
    spec: Spec
    side: str = "ours"
    memory: bool = False
    primed: Spec | None = None
    """Run this first, untimed, and start each measurement from the feature cache that it leaves."""
    repeats: int = 1


@dataclass
class Runner:
    """Where and how jobs run."""

    work: Path
    peer: Path
    lock: Path | None
    code: dict[str, str] = field(
        default_factory=lambda: {package: _digest_of(package) for package, _ in SIDES.values()}
    )

    def run(self, job: Job) -> None:
        """Measure a job, unless the same was measured before."""
        if self.result(job) is not None:
            return
        runs: list[dict[str, Any]] = []
        shutil.rmtree(self.work / "primed", ignore_errors=True)
        for _ in range(job.repeats):
            with self._alone():
                measured = self._once(job)
            if measured is None:
                return
            runs.append(measured)
        record = self._record(job)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"asked": self._asked(job), "runs": runs}, indent=1))

    def result(self, job: Job) -> list[dict[str, Any]] | None:
        """Return what a job measured, one entry per run; None where it has not run, or was asked for something else."""
        record = self._record(job)
        if not record.is_file():
            return None
        kept = json.loads(record.read_text())
        return list(kept["runs"]) if kept["asked"] == self._asked(job) else None

    def warm_up(self, side: str) -> None:
        """Import what a side imports once, so that its files are read from memory when it is timed."""
        package, _ = SIDES[side]
        subprocess.run(
            [self._python(package), "-c", f"import side_{package}"],
            cwd=Path(__file__).parent,
            env=self._environment(side, self.work / "warm-up"),
            check=True,
            capture_output=True,
        )

    def _once(self, job: Job) -> dict[str, Any] | None:
        folder = self.work / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        cache, primed = folder / "cache", self.work / "primed"
        if job.primed is not None:
            first = Job(name=f"{job.name} (first run)", spec=job.primed)
            if not primed.exists() and self._finish(first, folder / "first", primed) is None:
                return None
            shutil.copytree(primed, cache)
        measured = self._finish(job, folder / "timed", cache)
        shutil.rmtree(folder)
        return measured

    def _finish(self, job: Job, folder: Path, cache: Path) -> dict[str, Any] | None:
        """Run one process to its end; None, and where its output is, if it fails."""
        folder.mkdir()
        package, _ = SIDES[job.side]
        (folder / "spec.json").write_text(json.dumps(asdict(job.spec) | {"folder": str(folder)}))
        result = folder / "result.json"
        log = self.work / "logs" / f"{_file_name(job)}.log"
        log.parent.mkdir(exist_ok=True)
        command: list[str | Path] = [
            self._python(package),
            Path(__file__).parent / "job.py",
            package,
            folder / "spec.json",
            result,
        ]
        peak = _Peak()
        start = time.perf_counter()
        with log.open("w") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=self._environment(job.side, cache)
            )
            with peak.watching(process.pid) if job.memory else contextlib.nullcontext():
                try:
                    code = process.wait(LONGEST)
                except BaseException:
                    process.kill()
                    raise
        seconds = time.perf_counter() - start
        if code != 0:
            print(f"{job.name}, {job.side}: failed with code {code}, see {log}", file=sys.stderr, flush=True)
            return None
        measured: dict[str, Any] = json.loads(result.read_text()) | {"process_seconds": seconds}
        if job.memory:
            measured["peak_bytes"] = peak.bytes
        print(f"{job.name}, {job.side}: {seconds:.1f} s", file=sys.stderr, flush=True)
        return measured

    def _python(self, package: str) -> str:
        return str(self.peer) if package == "peer" else sys.executable

    def _environment(self, side: str, cache: Path) -> dict[str, str]:
        package, keep_memory = SIDES[side]
        environment = clean_environment() if package == "peer" else dict(os.environ)
        return environment | {"ZOOBOT_CACHE": str(cache), "KEEP_FREED_MEMORY": "1" if keep_memory else "0"}

    def _asked(self, job: Job) -> dict[str, Any]:
        """Return what must be the same for a kept measurement to stand: the job, and the code that it is of."""
        package, _ = SIDES[job.side]
        asked: dict[str, Any] = json.loads(json.dumps(asdict(job) | {"code": self.code[package]}))
        return asked

    def _record(self, job: Job) -> Path:
        return self.work / "results" / f"{_file_name(job)}.json"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock that everyone who shares the machine asks for before heavy work."""
        if self.lock is None:
            yield
            return
        with self.lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class _Peak:
    """The highest proportional set size of a process and its descendants, summed, sampled while they run."""

    def __init__(self) -> None:
        self.bytes = 0

    @contextlib.contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            while not done.wait(SECONDS_BETWEEN_SAMPLES):
                self.bytes = max(self.bytes, _tree_bytes(pid))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _tree_bytes(pid: int) -> int:
    try:
        parent = psutil.Process(pid)
        pids = [pid, *(child.pid for child in parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0
    return sum(_proportional_bytes(member) for member in pids)


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _file_name(job: Job) -> str:
    return f"{job.name}-{job.side}".replace(", ", "-").replace(" ", "_").replace("/", "_")


def _digest_of(package: str) -> str:
    """Return a digest of the code that a side runs: a measurement of other code is not used again."""
    here = Path(__file__).parent
    files = [here / name for name in ("job.py", "spec.py", "common.py", f"side_{package}.py")]
    if package == "ours":
        files += sorted(Path(zoobot.__file__).parent.rglob("*.py"))
    content = hashlib.blake2b(json.dumps(PEER if package == "peer" else {}).encode(), digest_size=8)
    for file in files:
        content.update(file.read_bytes())
    return content.hexdigest()
