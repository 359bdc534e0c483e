"""What was looked at for a run, and what was not and why.

It is ``looked`` of ``about.json``, so that silence is never taken for good news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOOKS = ("seen", "shift", "duplicates", "images", "labels", "learning_curve")
"""Whether the model has seen the galaxies (``evaluate``), whether they are like those of training, copies of one
another, bad images, labels that look wrong, and what more labels would buy (``finetune``)
"""


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


def looked_of(about: Mapping[str, Any]) -> dict[str, Look]:
    """Return the looks that ``about.json`` holds, in the order of `LOOKS`; empty where it says nothing of them."""
    content = about.get("looked")
    found: dict[str, Look] = {}
    for name in LOOKS:
        one = content.get(name) if isinstance(content, dict) else None
        if isinstance(one, dict) and isinstance(one.get("done"), bool):
            found[name] = Look(one["done"], int(one.get("n") or 0), str(one.get("why") or ""))
    return found
