"""The ordered blocks of a network: which block each parameter, buffer and module belongs to.

Blocks come from timm's own knowledge of its architectures (``group_matcher``). What that leaves out, such as buffers,
dropout layers and final norms, joins the parameters around it.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from timm.models import group_parameters
from torch import nn

logger = logging.getLogger(__name__)


def assign_blocks(model: nn.Module) -> dict[str, int]:
    """Return the block of every parameter, buffer and module of `model`, by name.

    Block 0 is the stem, and the largest is the top. A module that spans several blocks, and the model itself (``""``),
    has the lowest block that it holds. Every block has at least one parameter. Final norms and the like, which timm
    marks as trailing, belong to the top block.

    Parameters
    ----------
    model
        A timm model, or any other module: its children that have parameters, in order, are then its blocks.

    Returns
    -------
    dict of str to int
        Names as in ``named_parameters``, ``named_buffers`` and ``named_modules``.
    """
    parameters = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    placed = _by_group_matcher(model, parameters) or _by_stage(model, parameters) or _by_child(model, parameters)
    blocks = _place_the_rest(model, placed)

    present = sorted({blocks[name] for name in parameters}) or [0]
    rank = {block: index for index, block in enumerate(present)}
    tensors = {name: rank.get(block, 0) for name, block in blocks.items()}
    return tensors | _lowest_of_modules(model, tensors)


def _by_group_matcher(model: nn.Module, parameters: list[str]) -> dict[str, int]:
    """Return timm's coarse groups, without the parameters that no rule of the matcher names; empty where it fails."""
    group_matcher = getattr(model, "group_matcher", None)
    if not callable(group_matcher):
        return {}
    try:
        matcher = group_matcher(coarse=True)
        groups = group_parameters(model, matcher, reverse=True)
        return {name: groups[name] for name in parameters if name in groups and _is_matched(matcher, name)}
    except Exception:  # third-party code of a thousand architectures: whatever it raises, there is another way
        logger.info(
            "group_matcher of %s is of no use, blocks are taken from its stages", type(model).__name__, exc_info=True
        )
        return {}


def _is_matched(matcher: Mapping[str, Any] | Callable[[str], Any], name: str) -> bool:
    """Tell whether timm's matcher has a rule of its own for `name`, rather than counting it to the unmatched rest."""
    if not isinstance(matcher, Mapping):
        group = matcher(name)
        return group is not None and group != float("inf")
    rules = (rule for rule in matcher.values() if rule is not None)
    patterns = (
        pattern for rule in rules for pattern in ([rule] if isinstance(rule, str) else [part[0] for part in rule])
    )
    return any(re.match(pattern, name) for pattern in patterns)


def _by_stage(model: nn.Module, parameters: list[str]) -> dict[str, int]:
    """Return the stages that a timm model lists in ``feature_info``, counted from 1; empty where there are none."""
    stages = [str(stage["module"]) for stage in getattr(model, "feature_info", None) or [] if "module" in stage]
    return {
        name: index
        for index, stage in enumerate(dict.fromkeys(stages), start=1)
        for name in parameters
        if name.startswith(f"{stage}.")
    }


def _by_child(model: nn.Module, parameters: list[str]) -> dict[str, int]:
    """Return the position of the child that holds each parameter; the model's own parameters are left out."""
    children = [name for name, _ in model.named_children()]
    return {name: children.index(name.partition(".")[0]) for name in parameters if "." in name}


def _place_the_rest(model: nn.Module, placed: Mapping[str, int]) -> dict[str, int]:
    """Return a block to every parameter, buffer and childless module, of which `placed` has some parameters.

    One that is not in `placed` joins the nearest module around it whose placed parameters are all of one block; failing
    that, the placed parameter registered before it; failing that, block 0.
    """
    held: dict[str, set[int]] = {}
    for name, block in placed.items():
        for ancestor in _ancestors(name):
            held.setdefault(ancestor, set()).add(block)

    blocks: dict[str, int] = {}
    previous = 0
    for name in _tensors_and_leaves(model):
        if name in placed:
            blocks[name] = previous = placed[name]
        else:
            around = next((held[ancestor] for ancestor in _ancestors(name) if ancestor in held), set())
            blocks[name] = next(iter(around)) if len(around) == 1 else previous
    return blocks


def _tensors_and_leaves(model: nn.Module) -> Iterable[str]:
    """Return the names of all parameters, buffers and childless modules, in the order in which they were registered."""
    for module_name, module in model.named_modules(remove_duplicate=False):
        prefix = f"{module_name}." if module_name else ""
        for name, _ in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            yield prefix + name
        if module_name and next(module.children(), None) is None:
            yield module_name


def _lowest_of_modules(model: nn.Module, blocks: Mapping[str, int]) -> dict[str, int]:
    """Return the lowest block that each module holds."""
    lowest: dict[str, int] = {}
    for name, block in blocks.items():
        for ancestor in _ancestors(name):
            lowest[ancestor] = min(block, lowest.get(ancestor, block))
    return {name: blocks.get(name, lowest.get(name, 0)) for name, _ in model.named_modules(remove_duplicate=False)}


def _ancestors(name: str) -> Iterable[str]:
    """Return the modules around `name`, innermost first, the model itself (``""``) last."""
    while name:
        name = name.rpartition(".")[0]
        yield name
