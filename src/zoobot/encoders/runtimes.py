"""The frozen network in other engines than eager torch.

They are torch.compile, OpenVINO and ONNX Runtime, each proved equal before it is used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from zoobot.errors import OptionError
from zoobot.settings import Runtime

logger = logging.getLogger(__name__)

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

Pass = Callable[[Tensor], Tensor]
"""From images (batch, channel, height, width) to features or activations (batch, ...), on the same device."""

TOLERANCE = 1e-3
"""How far float32 engines may differ from torch in float32, relative to the largest value: they order sums differently.
"""

COSINE = 0.999
"""How alike each galaxy's features must be in bfloat16."""

WORTH_TRYING_SECONDS = 60.0
"""Work left from which 'auto' tries the other engines: they take 3 to 25 seconds to build."""

BATCHES_TO_TIME = 3

IMAGES_AT_A_TIME = {torch.float32: 8, torch.bfloat16: 16}
"""On a CPU, where more are no faster and their activations take half a gigabyte."""

PACKAGES = {"openvino": ("openvino",), "onnx": ("onnx", "onnxscript", "onnxruntime")}


def build_pass(runtime: Runtime, network: nn.Module, example: Tensor, dtype: torch.dtype, total: int) -> Pass:
    """Return a network's forward pass in the engine that is asked for.

    Call it, and what it gives, inside `zoobot.precision.frozen_pass`.

    Parameters
    ----------
    runtime
        'torch' as it is; 'compile', 'openvino' or 'onnx' (float32, CPU); 'auto' starts with torch and, where a minute
        of work or more is left, tries what is installed and goes on with the fastest.
    network
        In eval mode, on its device.
    example
        Images (batch, channel, height, width) like those to come; batches may have other lengths.
    dtype
        float32, or bfloat16 to compute in it.
    total
        How many images there are to come.

    Raises
    ------
    OptionError
        No such runtime, or it is not installed, can't take this network or device, or gives other values than torch.
    """
    check_runtime(runtime, example.device)
    if runtime == "torch":
        return _torch(network, dtype)
    if runtime == "auto":
        return _Fastest(network, dtype, total)
    try:
        with torch.autocast(example.device.type, enabled=False), _quiet():
            built = _BUILDERS[runtime](network, example, dtype)
        with _quiet():
            difference = _difference(network, built, example, dtype)
    except Exception as err:  # whatever an engine raises for what it can't do
        msg = f"runtime={runtime!r} can't run this encoder ({_reason(err)}). Use runtime='torch'."
        raise OptionError(msg) from err
    if difference:
        msg = f"runtime={runtime!r} gives other values than torch for this encoder ({difference}). Use runtime='torch'."
        raise OptionError(msg)
    return built


def check_runtime(runtime: Runtime, device: torch.device) -> None:
    """Refuse a runtime that is not known, not installed, or not for a device.

    Raises
    ------
    OptionError
        Saying what to install, or to use in its place.
    """
    if runtime not in RUNTIMES:
        msg = f"runtime={runtime!r} is not known. Choose one of {', '.join(RUNTIMES)}."
        raise OptionError(msg)
    for package in PACKAGES.get(runtime, ()):
        if importlib.util.find_spec(package) is None:
            msg = f"runtime={runtime!r} needs the package {package}: pip install 'zoobot[{runtime}]'."
            raise OptionError(msg)
    if runtime in PACKAGES and device.type != "cpu":
        msg = (
            f"runtime={runtime!r} runs on the CPU, and the device is {device}. Use runtime='torch' or 'compile' there."
        )
        raise OptionError(msg)


def _reason(err: BaseException) -> str:
    """Return the first line of what lies behind an engine's error, without colors."""
    while err.__cause__ is not None:
        err = err.__cause__
    line = next(iter(str(err).strip().splitlines()), "")
    return re.sub(r"\x1b\[[0-9;]*m", "", f"{type(err).__name__}: {line}" if line else type(err).__name__)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep engines from telling the steps and troubles of a build, which the one message of `build_pass` is to say.

    OpenVINO raises the level of the root logger, which would silence warnings of everything else from then on.
    """
    before, level = logging.root.manager.disable, logging.root.level
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logging.root.setLevel(level)


def _torch(network: nn.Module, dtype: torch.dtype) -> Pass:
    """Return eager torch, which on a CPU takes a few images of a batch at a time."""

    def run(images: Tensor) -> Tensor:
        if images.device.type != "cpu":
            features: Tensor = network(images)
            return features
        return torch.cat([network(part) for part in torch.split(images, IMAGES_AT_A_TIME[dtype])])

    return run


def _compiled(network: nn.Module, example: Tensor, dtype: torch.dtype) -> Pass:
    compiled = torch.compile(network, options={"freezing": True}, dynamic=False)
    size = len(example)

    def run(images: Tensor) -> Tensor:
        """Fill up a short batch: another length would be compiled anew."""
        missing = size - len(images) % size if len(images) % size else 0
        filled = torch.cat([images, images[-1:].expand(missing, *images.shape[1:])]) if missing else images
        with torch.autocast(images.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            return torch.cat([compiled(part) for part in torch.split(filled, size)])[: len(images)]

    return run


def _openvino(network: nn.Module, example: Tensor, dtype: torch.dtype) -> Pass:
    import openvino

    shape = [-1, *example.shape[1:]]
    model = openvino.convert_model(network, example_input=example[:2], input=[(shape, openvino.Type.f32)])
    precision = "bf16" if dtype == torch.bfloat16 else "f32"
    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.Core().compile_model(model, "CPU", options)
    return lambda images: torch.from_numpy(compiled(images.numpy())[0].copy())


def _onnx(network: nn.Module, example: Tensor, _: torch.dtype) -> Pass:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        batch = torch.export.Dim("batch")
        torch.onnx.export(
            network,
            (example[:2],),
            str(path),
            dynamo=True,
            dynamic_shapes=({0: batch},),
            input_names=["images"],
            verbose=False,
        )
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


_BUILDERS = {"compile": _compiled, "openvino": _openvino, "onnx": _onnx}


def _difference(network: nn.Module, built: Pass, example: Tensor, dtype: torch.dtype) -> str:
    """Say how an engine's values differ from torch's by more than rounding; empty where they don't."""
    with torch.autocast(example.device.type, enabled=False):
        expected = network(example).float()
    given = built(example).float()
    if given.shape != expected.shape:
        return f"shape {tuple(given.shape)} in place of {tuple(expected.shape)}"
    if dtype == torch.bfloat16:
        cosine = torch.cosine_similarity(given.flatten(1), expected.flatten(1)).min()
        return "" if cosine >= COSINE else f"cosine {cosine:.4f}, expected {COSINE} or more"
    largest = (given - expected).abs().max() / expected.abs().max()
    return "" if largest <= TOLERANCE else f"by {largest:.1e} of the largest, expected {TOLERANCE} or less"


class _Fastest:
    """Torch to begin with, then whichever engine is fastest on the next batches.

    Engines are compared once torch's rate is known and much work is left.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, total: int) -> None:
        self.network = network
        self.dtype = dtype
        self.left = total
        self.run: Pass = _torch(network, dtype)
        self.seconds: list[float] = []
        self.decided = False

    def __call__(self, images: Tensor) -> Tensor:
        start = time.perf_counter()
        features = self.run(images)
        if not self.decided and features.is_cuda:
            torch.cuda.synchronize(features.device)
        self.left -= len(images)
        if not self.decided:
            self.seconds.append((time.perf_counter() - start) / len(images))
            if len(self.seconds) > BATCHES_TO_TIME:
                self._decide(images)
        return features

    def _decide(self, images: Tensor) -> None:
        self.decided = True
        rate = min(self.seconds[1:])
        if self.left * rate < WORTH_TRYING_SECONDS:
            return
        names: tuple[Runtime, ...] = ("openvino", "onnx") if images.device.type == "cpu" else ("compile",)
        for name in names:
            try:
                other = build_pass(name, self.network, images, self.dtype, self.left)
            except OptionError as err:
                logger.info("%s", err)
                continue
            took = []
            for _ in range(BATCHES_TO_TIME):
                start = time.perf_counter()
                other(images).sum().item()
                took.append((time.perf_counter() - start) / len(images))
            if min(took) < rate:
                rate, self.run = min(took), other
                logger.info("the encoder goes on in %s: %.0f images/s", name, 1 / rate)
