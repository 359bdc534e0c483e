"""Every number that a command or a function of the package takes has a range.

What lies outside it is refused before any work.
"""

import importlib
import inspect
import math
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import get_args, get_origin, get_type_hints

import numpy as np
import pytest
import typer

import zoobot
from zoobot.cli import app, main
from zoobot.data import Augmentation, ImageSettings, Preprocessing
from zoobot.errors import OptionError
from zoobot.finetune import FinetuneableZoobotClassifier, FinetuneableZoobotTree, get_trainer
from zoobot.predictions.engine import raw_predictions
from zoobot.predictions.explain import explain
from zoobot.ranges import RANGES, check_ranges, range_of
from zoobot.settings import Settings, TableOptions

# Commands.

HUGE = ("nan", "inf", "-inf", "1e30", "-1e30", "1e400", str(10**30), f"-{10**30}", "three")
EDGES = {
    "seed": ("-1", "4294967296"), "batch_size": ("0", "-1", "2.5"), "crop": ("0", "1e-9", "1.0001"),
    "image_size": ("0", "100000"), "size": ("0", "100000"), "channels": ("0",), "epochs": ("0", "-3"),
    "patience": ("0",), "folds": ("-3", "1000"), "learning_rate": ("0", "-1"),
    "lr_decay": ("0", "1.1"), "weight_decay": ("-0.1",), "ema_decay": ("1", "-0.1"), "views": ("0",),
    "level": ("0", "1"), "min_asked": ("-0.1", "1.1"), "purity": ("0", "1", "90"), "completeness": ("0", "1"),
    "confidence": ("0", "1"), "prevalence": ("0", "1"), "n_audit": ("-1",), "num_workers": ("-1", "100000"),
    "n_galaxies": ("0", "-1"), "first": ("0",), "limit": ("0",), "neighbors": ("0",),
    "n_repeats": ("1",), "n_folds": ("1", "1000"), "more": ("0",), "drop_path": ("1", "-0.1"),
    "val_fraction": ("-0.1", "1.1"), "simulated_share": ("0", "1"), "clip": ("0",), "jitter": ("-0.1",),
    "devices": ("0",), "nodes": ("0",), "images": ("0",), "report_images": ("0",), "save_steps": ("0",),
    "save_minutes": ("-1",), "accumulate_grad_batches": ("0",), "max_epochs": ("0", "-3"), "n_blocks": ("-2",),
    "memory_gb": ("-1",), "disk_gb": ("-1",), "train_fraction": ("-0.1", "1.1"), "test_fraction": ("-0.1", "1.1"),
    "dropout_prob": ("1", "-0.1"), "label_smoothing": ("1", "-0.1"), "warmup_epochs": ("-1",),
    "max_cosine_epochs": ("0",), "max_learning_rate_reduction_factor": ("1.1",), "unlabelled_batch_size": ("1",),
    "votes_weight": ("-1",), "truth_weight": ("-1",), "unlabelled_weight": ("-1",), "val_galaxies": ("0",),
    "warmup_steps": ("-1",), "n_samples": ("0",), "n_views": ("0",),
}  # fmt: skip


def commands(of: typer.Typer = app) -> Iterator[Callable[..., object]]:
    """Yield the functions of an application's commands, those of its groups too."""
    yield from (one.callback for one in of.registered_commands)
    for group in of.registered_groups:
        yield from commands(group.typer_instance)


def numeric_options() -> Iterator[tuple[str, str, str]]:
    """Yield command, Python's name and spelling of each option that is a number."""
    for command in commands():
        for name, hint in get_type_hints(command, include_extras=True).items():
            kind, *details = get_args(hint) or (hint,)
            if {int, float} & {kind, *get_args(kind)} and get_origin(kind) is not tuple:
                spellings = details[0].param_decls or (f"--{name.replace('_', '-')}",)
                yield command.__name__, name, spellings[0]


OPTIONS = list(numeric_options())


def run(*arguments: str) -> tuple[int, str]:
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["zoobot", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    return int(end.value.code or 0), err.getvalue() + out.getvalue()


def test_the_commands_have_numbers():
    assert len(OPTIONS) > 60
    assert {name for _, name, _ in OPTIONS} >= {
        "seed",
        "crop",
        "learning_rate",
        "n_views",
        "confidence",
        "first",
        "clip",
    }
    assert {name for _, name, _ in OPTIONS} <= set(EDGES), "give a new option its edges"


@pytest.mark.parametrize(("command", "name", "spelling"), OPTIONS, ids=[f"{c} {s}" for c, _, s in OPTIONS])
def test_a_command_refuses_numbers_out_of_range(command, name, spelling, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in (*HUGE, *EDGES[name]):
        code, said = run(command, f"{spelling}={value}", "catalog")
        assert code == 2, (value, said)
        assert spelling in said and (value in said or str(float(value)) in said), (value, said)
        assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_help_says_the_range(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["zoobot", "pretrain", "--help"])
    out = StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        main()
    text = " ".join(re.sub(r"[^\w .,:-]", " ", out.getvalue()).split())
    for said in (
        "Allowed: 16 to 4,096.",
        "Allowed: above 0, at most 100.",
        "Allowed: from 0, below 1.",
        "Allowed: above 0, below 1.",
    ):
        assert said in text


# Python.

MADE_BY_US = {
    "Answer", "Audit", "ChanceEce", "Checks", "ConformalClasses", "ConformalIntervals", "Copies", "Curve", "Estimate",
        "Figure", "Learned",
    "LearningCurve", "PowerLaw", "Prevalence", "PublishedEncoder", "Reference", "Seen", "Selection", "Shift",
        "TemperatureScaling",
    "Timing", "Top", "VectorScaling", "VoteCalibration", "VoteScores",
    "EncoderConfig",  # read from a file, by a schema of its own
    "Galaxy", "Survey",  # of the simulated sky: physical parameters
}  # fmt: skip
"""What functions of the package return"""

MEASURED = {
    ("exact_binomial_interval", "hits"), ("exact_binomial_interval", "count"), ("expected_coverage", "n_validation"),
    ("expected_coverage", "n_galaxies"), ("coverage_p_value", "coverage"), ("coverage_p_value", "n_galaxies"),
    ("coverage_p_value", "n_validation"), ("audit_rows", "n_selected"), ("fit_power_law", "n_now"),
    ("learning_curve", "n_now"), ("auroc_interval", "inflation"), ("vote_figures", "optimism"),
    ("decode_image", "size"),
}  # fmt: skip
"""Arguments that count or measure what is there, and are no options"""

BAD = (math.nan, math.inf, -math.inf, 1e30, -1e30, 10**30, -(10**30), np.float32("nan"), "3", "nan", [1])
BAD_WHOLE = (True, 2.5, 3.0, np.float64(3))


def is_exempt(one: object) -> bool:
    """Tell whether a class is a dictionary's type, a warning or an error."""
    return inspect.isclass(one) and issubclass(one, dict | Exception)


def arguments_of(one: object) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(one.__init__ if inspect.isclass(one) else one).parameters
    return {name: parameter for name, parameter in parameters.items() if name != "self"}


def is_settings(one: object) -> bool:
    return inspect.isclass(one) and issubclass(one, Settings)


def numeric_arguments() -> Iterator[tuple[object, str, bool]]:
    """Yield callable, argument, and whether it is a whole number, for public functions and classes.

    All their numbers are yielded.
    """
    homes = [zoobot, *(importlib.import_module(one.name) for one in pkgutil.walk_packages(zoobot.__path__, "zoobot.")
                       if one.ispkg or one.name == "zoobot.ranges")]  # fmt: skip
    public = {id(one): one for home in homes for one in (getattr(home, name) for name in getattr(home, "__all__", ()))}
    for one in (*public.values(), TableOptions, raw_predictions, explain):
        is_ours = getattr(one, "__module__", "").startswith("zoobot.") and (
            inspect.isfunction(one) or inspect.isclass(one)
        )
        if not is_ours or one.__name__ in MADE_BY_US or is_exempt(one):
            continue
        hints = get_type_hints(one) if is_settings(one) else {}
        for parameter in arguments_of(one).values():
            hint = hints.get(parameter.name, parameter.annotation)
            kind = re.fullmatch(r"(int|float)( \| None)?", hint.__name__ if hint in (int, float) else str(hint))
            if kind and (one.__name__, parameter.name) not in MEASURED:
                yield one, parameter.name, kind[1] == "int"


ARGUMENTS = list(numeric_arguments())


def room_of(one: object) -> str:
    if is_settings(one):
        return one.room
    room = one.__module__.split(".")[1]
    return room if room in ("pretrain", "simulate") else ""


def refuse(one: object, name: str, value: object) -> str:
    required = {
        parameter.name: None
        for parameter in arguments_of(one).values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    with pytest.raises(OptionError) as refused:
        one(**{**required, name: value})
    return str(refused.value)


def test_the_package_has_numbers():
    assert len(ARGUMENTS) > 120
    assert len({one.__name__ for one, _, _ in ARGUMENTS}) > 40


@pytest.mark.parametrize(
    ("one", "name", "whole"), ARGUMENTS, ids=[f"{one.__name__} {name}" for one, name, _ in ARGUMENTS]
)
def test_python_refuses_numbers_out_of_range(one, name, whole):
    allowed = range_of(name, room_of(one))
    assert allowed is not None and allowed.whole == whole
    past = (
        allowed.low - 1,
        allowed.high + 1,
        *([allowed.low] if allowed.above else []),
        *([allowed.high] if allowed.below else []),
    )
    for value in (*BAD, *past, *(BAD_WHOLE if whole else (True,))):
        said = refuse(one, name, value)
        assert said.startswith(f"{name}=") and str(allowed) in said, (value, said)
        assert str(value) in said or repr(value) in said


@pytest.mark.parametrize(
    ("one", "name", "whole"), ARGUMENTS, ids=[f"{one.__name__} {name}" for one, name, _ in ARGUMENTS]
)
def test_defaults_are_in_range(one, name, whole):
    default = arguments_of(one)[name].default
    assert default is inspect.Parameter.empty or default is None or range_of(name, room_of(one)).holds(default)


def test_every_range_is_used():
    used = {f"{room_of(one)}.{name}" if f"{room_of(one)}.{name}" in RANGES else name for one, name, _ in ARGUMENTS}
    within = {
        "kept_size",
        "class_weight",
        "question_weight",
        "zoom_factor",
        "accumulate_grad_batches",
        "dropout_prob",
    }  # see the tests below
    assert set(RANGES) - used <= within


@pytest.mark.parametrize("name", RANGES)
def test_numbers_in_range_pass(name):
    allowed, (room, _, own) = RANGES[name], name.rpartition(".")
    kinds = [float, np.float64] if not allowed.whole else [int, np.int64, *([np.uint32] if allowed.low >= 0 else [])]
    for value in (allowed.low + 1e-3 * allowed.above, allowed.high - 1e-3 * allowed.below):
        for kind in kinds:
            if kind is not np.uint32 or value < 2**32:
                check_ranges(room, **{own: kind(value)})
    check_ranges(room, **{own: None})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Preprocessing(image_size=4096, crop=0.1), "image_size=4096"),
        (lambda: ImageSettings(percentiles=(math.nan, 99)), "percentiles"),
        (lambda: ImageSettings(percentiles=(1, math.inf)), "percentiles"),
        (lambda: ImageSettings(bands=(-1,)), "bands"),
        (lambda: ImageSettings(hdu=-1), "hdu"),
        (lambda: Augmentation(zoom=(0.9, math.inf)), "zoom"),
        (lambda: Augmentation(zoom=(math.nan, 1.1)), "zoom"),
        (lambda: Augmentation(zoom=(0, 1.1)), "zoom"),
        (lambda: FinetuneableZoobotClassifier(2, class_weights=[1, math.nan]), "class_weights[1]"),
        (lambda: FinetuneableZoobotClassifier(2, class_weights=[1, -1]), "class_weights[1]"),
        (lambda: FinetuneableZoobotTree("gz2", question_weights={"smooth-or-featured-gz2": math.inf}),
            "question_weights"),
        (lambda: FinetuneableZoobotClassifier(2, learning_rate=math.inf), "learning_rate"),
        (lambda: FinetuneableZoobotClassifier(2, seed=2**32), "seed"),
        (lambda: get_trainer("unwritten", accumulate_grad_batches=0), "accumulate_grad_batches"),
    ],
)  # fmt: skip
def test_numbers_inside_others_have_ranges(make, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match=re.escape(said)):
        make()
    assert not list(tmp_path.iterdir())
