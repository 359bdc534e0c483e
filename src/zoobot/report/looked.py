"""What was looked at for a run, and what was not and why: ``looked`` of ``about.json``, so that silence is never taken for good news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoobot.errors import CatalogError
from zoobot.files import read_json, write_json
from zoobot.report.names import ABOUT_FILE

LOOKS = ("seen", "shift", "duplicates", "images", "labels", "learning_curve")
"""Whether the model has seen the galaxies (``evaluate``), whether they are like those of training, copies of one another, bad images,
labels that look wrong, and what more labels would buy (``finetune``)"""


@dataclass(frozen=True)
class Look:
    """Whether something was looked at.

    Parameters
    ----------
    done
        It was.
    n
        Galaxies looked at.
    why
        Why it was not, or what of it could not be, in whole sentences; empty where there is nothing to say.
    """

    done: bool
    n: int = 0
    why: str = ""


def write_looked(folder: Path, looks: Mapping[str, Look]) -> None:
    """Write what was looked at into ``about.json`` of a run's folder, beside what it says of other looks."""
    try:
        about = read_json(folder / ABOUT_FILE, CatalogError, "It is written anew.")
    except CatalogError:
        about = {}
    both = looked_of(about) | dict(looks)
    write_json(folder / ABOUT_FILE, about | {"looked": {name: asdict(look) for name, look in both.items()}})


def looked_of(about: Mapping[str, Any]) -> dict[str, Look]:
    """Return the looks that ``about.json`` holds, in the order of `LOOKS`; empty where it says nothing of them."""
    content = about.get("looked")
    found: dict[str, Look] = {}
    for name in LOOKS:
        one = content.get(name) if isinstance(content, dict) else None
        if isinstance(one, dict) and isinstance(one.get("done"), bool):
            found[name] = Look(one["done"], int(one.get("n") or 0), str(one.get("why") or ""))
    return found
