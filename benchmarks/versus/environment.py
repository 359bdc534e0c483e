"""The peer's own virtual environment, made from the package registry."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PEER = {"zoobot": "2.9.0", "galaxy-datasets": "0.0.25"}
REQUIREMENTS = ["zoobot[pytorch]==2.9.0", "galaxy-datasets==0.0.25"]
VERSIONS = "import json, importlib.metadata as m; print(json.dumps({name: m.version(name) for name in %r}))"


def peer_python(venv: Path) -> Path:
    """Return the interpreter of the peer's environment, which is made where it is missing or holds other versions."""
    python = venv / "bin" / "python"
    if not python.exists():
        print(f"making the peer's environment in {venv}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    if versions(python, PEER) != PEER:
        print(f"installing {' '.join(REQUIREMENTS)}: several GB, minutes", flush=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True, env=clean_environment())
    return python


def versions(python: Path, packages: Iterable[str]) -> dict[str, str] | None:
    """Return the versions of packages in an environment; None where one is missing."""
    asked = subprocess.run(
        [python, "-c", VERSIONS % (list(packages),)],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    return None if asked.returncode else dict(json.loads(asked.stdout))


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would put our package in the peer's way."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
