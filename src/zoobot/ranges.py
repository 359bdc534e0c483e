"""What options may be: one range per number's name, and choices, for commands and Python alike."""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from zoobot.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Range:
    """Numbers that an option may be; never NaN or infinite.

    Attributes
    ----------
    low, high
        The ends.
    whole
        Whether only whole numbers count.
    above, below
        Whether the lower, or the upper, end is left out.
    """

    low: float
    high: float
    whole: bool = False
    above: bool = False
    below: bool = False

    def takes(self, value: Any) -> bool:
        """Return whether a value is a number (not a truth value) of the right kind, in the range or not."""
        return isinstance(value, Integral if self.whole else Real) and not isinstance(value, bool)

    def holds(self, value: Any) -> bool:
        """Return whether a value is a number in the range."""
        if not self.takes(value):
            return False
        value = value if self.whole else float(value)
        # comparisons with NaN are false, and an infinite value is beyond one end
        is_high_enough = value > self.low if self.above else value >= self.low
        return bool(is_high_enough and (value < self.high if self.below else value <= self.high))

    @property
    def brief(self) -> str:
        """The range in few words, as ``1 to 512``, or ``above 0, at most 1``."""
        low, high = _shown(self.low), _shown(self.high)
        if not (self.above or self.below):
            return f"{low} to {high}"
        return f"{'above' if self.above else 'from'} {low}, {'below' if self.below else 'at most'} {high}"

    def __str__(self) -> str:
        low, high = _shown(self.low), _shown(self.high)
        return f"{'above' if self.above else 'at least'} {low} and {'below' if self.below else 'at most'} {high}"


def _whole(low: int, high: int) -> Range:
    return Range(low, high, whole=True)


_SHARE = Range(0, 1)
_PROBABILITY = Range(0, 1, above=True, below=True)
_DECAY = Range(0, 1, below=True)
_FACTOR = Range(0, 1e6)
_MANY = 1_000_000
_DRAWS = _whole(2, _MANY)
_STEPS = 10**12

RANGES = {
    # random numbers, images, batches
    "seed": _whole(0, 2**32 - 1),
    "image_size": _whole(8, 4096),
    "kept_size": _whole(1, 16_384),
    "crop": Range(1e-3, 1),
    "channels": _whole(1, 1000),
    "in_chans": _whole(1, 1000),
    "shift": Range(0, 0.5),
    "zoom_factor": Range(0.01, 100),
    "erase": _SHARE,
    "noise": _SHARE,
    "batch_size": _whole(1, 65_536),
    "num_workers": _whole(0, 512),
    "memory_gb": Range(0, 1e6),
    "disk_gb": Range(0, 1e6),
    "views": _whole(1, 1000),
    "train_fraction": _SHARE,
    "val_fraction": _SHARE,
    "test_fraction": _SHARE,
    # models
    "num_classes": _whole(1, 100_000),
    "num_targets": _whole(1, 100_000),
    "n_blocks": _whole(-1, 10_000),
    "dropout_prob": _DECAY,
    "label_smoothing": _DECAY,
    "class_weight": _FACTOR,
    "question_weight": _FACTOR,
    # training
    "learning_rate": Range(0, 100, above=True),
    "lr_decay": Range(0, 1, above=True),
    "weight_decay": Range(0, 100),
    "warmup_epochs": _whole(0, _MANY),
    "max_cosine_epochs": _whole(1, _MANY),
    "max_learning_rate_reduction_factor": _SHARE,
    "max_epochs": _whole(1, _MANY),
    "patience": _whole(1, _MANY),
    "save_top_k": _whole(1, _MANY),
    "accumulate_grad_batches": _whole(1, 10_000),
    "ema_decay": _PROBABILITY,
    "folds": _whole(0, 100),
    # prediction
    "n_samples": _whole(1, 1000),
    "n_views": _whole(1, 1000),
    "level": _PROBABILITY,
    "min_asked": _SHARE,
    "limit": _whole(1, 10**9),
    "neighbors": _whole(1, 1000),
    "k": _whole(1, 1000),
    "columns": _whole(1, 100),
    # samples, and comparison of encoders
    "purity": _PROBABILITY,
    "completeness": _PROBABILITY,
    "prevalence": _PROBABILITY,
    "given": _PROBABILITY,
    "confidence": _PROBABILITY,
    "n_audit": _whole(0, _MANY),
    "n_folds": _whole(2, 100),
    "n_repeats": _whole(2, 1000),
    "more": _whole(1, 10**9),
    # statistics
    "n_draws": _DRAWS,
    "n_boot": _DRAWS,
    "draws": _whole(1, _MANY),
    "bins": _whole(1, 10_000),
    "n_bins": _whole(1, 10_000),
    "n": _whole(0, 10**9),
    "most": _whole(1, 10**9),
    "threshold": Range(-1, 1),
    "chance": _PROBABILITY,
    "farthest": Range(0, 1e6),
    # simulation
    "n_galaxies": _whole(1, 10**8),
    "first": _whole(1, 10**12),
    "simulate.size": _whole(32, 4096),
    # pretraining
    "pretrain.image_size": _whole(16, 4096),
    "pretrain.images": _whole(1, _STEPS),
    "pretrain.epochs": Range(0, _MANY, above=True),
    "pretrain.report_images": _whole(1, _STEPS),
    "pretrain.simulated_share": _PROBABILITY,
    "pretrain.val_galaxies": _whole(1, 10**8),
    "pretrain.val_fraction": _PROBABILITY,
    "pretrain.unlabelled_batch_size": _whole(2, 65_536),
    "pretrain.votes_weight": _FACTOR,
    "pretrain.truth_weight": _FACTOR,
    "pretrain.unlabelled_weight": _FACTOR,
    "pretrain.warmup_steps": _whole(0, _STEPS),
    "pretrain.clip": Range(0, 1e6, above=True),
    "pretrain.ema_decay": _DECAY,
    "pretrain.drop_path": _DECAY,
    "pretrain.jitter": Range(0, 5),
    "pretrain.devices": _whole(1, 1024),
    "pretrain.nodes": _whole(1, 10_000),
    "pretrain.save_minutes": _FACTOR,
    "pretrain.save_steps": _whole(1, _STEPS),
}
"""By the name that Python has for an option, after the room's where an option there is another; commands have dashes
for underscores
"""


def range_of(name: str, room: str = "") -> Range | None:
    """Return the range of an option in a room such as ``pretrain``; None where it has none."""
    return RANGES.get(f"{room}.{name}", RANGES.get(name))


def check_range(name: str, value: Any, allowed: Range) -> None:
    """Refuse a number outside a range; None stands for a default and is passed over.

    Raises
    ------
    OptionError
        Naming the option, its value and its range.
    """
    if value is not None and not allowed.holds(value):
        shown = value if isinstance(value, Real) else reprlib.repr(value)
        kind = "" if allowed.takes(value) else "a whole number, " if allowed.whole else "a number, "
        msg = f"{name}={shown} must be {kind}{allowed}."
        raise OptionError(msg)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices.

    Raises
    ------
    OptionError
        Naming the option, its value and the choices.
    """
    if not (isinstance(value, str) and value in choices):
        *most, last = map(repr, choices)
        msg = f"{name}={reprlib.repr(value)} must be {', '.join(most)}{' or ' if most else ''}{last}."
        raise OptionError(msg)


def check_ranges(room: str = "", **values: Any) -> None:
    """Refuse options outside their ranges.

    Parameters
    ----------
    room
        Whose options they are, where that matters; see `RANGES`.
    **values
        Options by name; those without a range are passed over.

    Raises
    ------
    OptionError
        Naming the first such option, its value and its range.
    """
    for name, value in values.items():
        allowed = range_of(name, room)
        if allowed is not None:
            check_range(name, value, allowed)


def check_fields(settings: Any, room: str = "") -> None:
    """Refuse settings, a dataclass, with a field outside its range; see `check_ranges`."""
    check_ranges(room, **{field.name: getattr(settings, field.name) for field in fields(settings)})


def bounded(room: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function refuse arguments outside their ranges before it runs; see `check_ranges`."""

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        names = tuple(inspect.signature(function).parameters)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            check_ranges(room, **dict(zip(names, args, strict=False)), **kwargs)
            return function(*args, **kwargs)

        return run

    return wrap


def _shown(end: float) -> str:
    return f"{end:,.0f}" if end == round(end) else f"{end:g}"
