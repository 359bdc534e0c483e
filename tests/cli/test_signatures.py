"""Functions and classes of the package take the options of settings.

Names, types and defaults are the same.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest

import zoobot
from zoobot import settings
from zoobot.finetune import FinetuneableZoobotRegressor, FinetuneableZoobotTree
from zoobot.predictions.explain import explain
from zoobot.runs import check_run, select_galaxies
from zoobot.simulate import write_set

HELD: tuple[tuple[Callable[..., object], type[settings.Settings], tuple[str, ...]], ...] = (
    (zoobot.GalaxyDataModule, settings.ImageSettings, ()),
    (zoobot.GalaxyDataModule, settings.SplitSettings, ()),
    (zoobot.GalaxyDataModule, settings.LoadSettings, ()),
    (zoobot.GalaxyDataModule, settings.ViewSettings, ("image_size",)),
    (zoobot.FinetuneableZoobotAbstract, settings.FinetuneSettings, ()),
    (zoobot.FinetuneableZoobotClassifier, settings.ClassifySettings, ("class_weights",)),
    (FinetuneableZoobotRegressor, settings.RegressSettings, ()),
    (FinetuneableZoobotTree, settings.TreeSettings, ()),
    (zoobot.get_trainer, settings.TrainerSettings, ()),
    (zoobot.predict, settings.PredictSettings, ()),
    (zoobot.evaluate, settings.EvaluateSettings, ("by", "report")),
    (zoobot.evaluate, settings.TableOptions, ()),
    (zoobot.represent, settings.RepresentSettings, ("image_size", "crop", "stretch", "percentiles", "bands")),
    (explain, settings.ExplainSettings, ("limit", "neighbors")),
    (check_run, settings.CheckSettings, ()),
    (select_galaxies, settings.SelectSettings, ()),
    (write_set, settings.SimulateSettings, ("n_galaxies", "survey", "tree", "population")),
)
"""Who takes the options of which settings, but for some.

A data module knows no encoder whose image size it could take; weights become 'balanced' in a run, which has the labels;
evaluations break down and report in a run; `represent` takes those as ``look`` or ``preprocessing``; the command draws
the first galaxies and their neighbors; `write_set` takes a survey or a tree of one's own.
"""

KNOWN = {name: getattr(settings, name) for name in settings.__all__} | {
    "Any": Any, "Literal": Literal, "Sequence": Sequence, "Mapping": Mapping, "Collection": Collection,
}  # fmt: skip


def plain(kind: Any) -> Any:
    """Return a type without what doesn't matter: any sequence stands for a tuple, and the order in a union is free."""
    if get_origin(kind) in (Union, UnionType):
        return frozenset(map(plain, get_args(kind)))
    if get_origin(kind) in (tuple, Sequence) and get_args(kind)[1:] in ((), (...,)):
        return ("several", plain(get_args(kind)[0]))
    return NoneType if kind is None else kind


@pytest.mark.parametrize(
    ("taker", "group", "but"), HELD, ids=[f"{one.__name__} {group.__name__}" for one, group, _ in HELD]
)
def test_signatures_are_those_of_the_settings(taker, group, but):
    parameters = inspect.signature(taker.__init__ if inspect.isclass(taker) else taker).parameters
    types = settings.types_of(group)
    assert set(but) <= set(types)
    for field in fields(group):
        if field.name in but:
            continue
        parameter = parameters[field.name]
        hint = parameter.annotation if not isinstance(parameter.annotation, str) else eval(parameter.annotation, KNOWN)
        assert parameter.default == field.default, field.name
        assert plain(hint) == plain(types[field.name]), field.name
