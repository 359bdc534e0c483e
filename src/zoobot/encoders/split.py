"""Cutting an encoder in two at a block boundary.

The output of the frozen part can be kept, and the other part is trained.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from zoobot.encoders.encoder import Encoder

logger = logging.getLogger(__name__)

TOLERANCE = 1e-5
"""How far the two halves may differ from the whole, relative to its largest feature (float32 rounding)."""


@dataclass(frozen=True)
class SplitEncoder:
    """The two halves of an encoder; they share its modules, so training the top trains the encoder."""

    bottom: nn.Module
    """From normalised images to the activations at the boundary."""
    top: nn.Module
    """From these activations to the features (batch, feature)."""
    encoder: Encoder

    def activations(self, images: Tensor) -> Tensor:
        """Return the activations at the boundary for images (batch, channel, height, width) in [0, 1]."""
        activations: Tensor = self.bottom(self.encoder.normalise(images))
        return activations


def split_encoder(encoder: Encoder, n_blocks: int, probe: Tensor | None) -> SplitEncoder | None:
    """Return the encoder cut below its top ``n_blocks``, or None where that can't be done.

    The network's graph is traced (torch.fx) down to modules that lie within one block; the cut is possible where one
    tensor alone passes from the frozen blocks to the others. Whether the halves equal the whole is proved on a batch.

    Parameters
    ----------
    encoder
        With its blocks below the top ``n_blocks`` frozen.
    n_blocks
        At least 0; 0 leaves nothing above the cut.
    probe
        Images (batch, channel, height, width) in [0, 1] to prove it on, of the size that will be used; not needed where
        n_blocks is 0.
    """
    if n_blocks == 0 or probe is None:
        return SplitEncoder(encoder.model, nn.Identity(), encoder)
    try:
        halves = _cut(encoder, encoder.num_blocks - n_blocks)
    except Exception as err:  # torch.fx raises whatever a network's own code does with a proxy
        logger.info("the encoder %s can't be traced: %s", encoder.name, err)
        return None
    if halves is None:
        logger.info("more than one tensor passes from the frozen blocks of %s to the others", encoder.name)
        return None
    split = SplitEncoder(*halves, encoder)
    was_training = encoder.training
    encoder.eval()
    with torch.no_grad():
        whole = encoder(probe[:2])
        parts = split.top(split.activations(probe[:2]))
    encoder.train(was_training)
    if whole.shape != parts.shape or (whole - parts).abs().max() > TOLERANCE * whole.abs().max():
        logger.info("the halves of %s don't add up to the whole", encoder.name)
        return None
    return split


class _BlockTracer(fx.Tracer):
    """Traces through containers that span blocks, and takes what lies within one block as a whole."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.blocks_below: dict[str, set[int]] = {}
        for name, _ in encoder.named_parameters():
            parts = name.split(".")
            for depth in range(1, len(parts)):
                self.blocks_below.setdefault(".".join(parts[:depth]), set()).add(encoder.block_of(name))

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return len(self.blocks_below.get(module_qualified_name, ())) <= 1


def _cut(encoder: Encoder, first_trainable: int) -> tuple[nn.Module, nn.Module] | None:
    """Return the graph below and above the first trainable block, where one tensor passes between them."""
    whole = _Whole(encoder.model)
    graph = _BlockTracer(encoder).trace(whole)
    above: set[fx.Node] = set()
    for node in graph.nodes:
        owns = node.op in ("call_module", "get_attr") and _block(encoder, str(node.target)) >= first_trainable
        if owns or any(source in above for source in node.all_input_nodes):
            above.add(node)
    crossing = {source for node in above for source in node.all_input_nodes if source not in above}
    if len(crossing) != 1:
        return None
    boundary = crossing.pop()

    below_graph, above_graph = fx.Graph(), fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node not in above and node.op != "output":
            copies[node] = below_graph.node_copy(node, lambda source: copies[source])
    below_graph.output(copies[boundary])
    moved = {boundary: above_graph.placeholder("activations")}
    for node in graph.nodes:
        if node in above:
            moved[node] = above_graph.node_copy(node, lambda source: moved[source])
    return fx.GraphModule(whole, below_graph), fx.GraphModule(whole, above_graph)


class _Whole(nn.Module):
    """The network as a function of images alone: other arguments of its ``forward`` keep their defaults."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model  # by the name it has in the encoder

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.model(images)
        return features


def _block(encoder: Encoder, name: str) -> int:
    """Return the block of a module or parameter; one without parameters belongs to wherever its input does."""
    has_parameters = any(
        parameter == name or parameter.startswith(f"{name}.") for parameter, _ in encoder.named_parameters()
    )
    return encoder.block_of(name) if has_parameters else -1
