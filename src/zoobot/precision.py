"""The machine's own arithmetic.

Bfloat16 and memory layout are used where the hardware is fast at them, and memory is kept once touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch
from torch import nn

from zoobot.errors import OptionError
from zoobot.machine import cpu_flags
from zoobot.settings import Precision


def is_fast_in_bfloat16(device: torch.device) -> bool:
    """Say whether a device multiplies bfloat16 in hardware (CUDA from Ampere on, x86 with AVX512-BF16 or AMX)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return bool({"avx512_bf16", "amx_bf16"} & cpu_flags())
    return False


def find_device(name: str) -> torch.device:
    """Return the device of a name: 'auto' is a GPU where there is one.

    Raises
    ------
    OptionError
        No such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as err:
        msg = (
            f"device={name!r} is not to be had here. Use 'auto', 'cpu', or a device that torch has on this machine, "
            "such as 'cuda:0'."
        )
        raise OptionError(msg) from err
    return device


@contextlib.contextmanager
def frozen_pass(network: nn.Module, device: torch.device, precision: Precision) -> Iterator[torch.dtype]:
    """Run a network for its output alone.

    There are no gradients, and it is in eval mode, and in bfloat16 and channels-last where that is fast. Gives the type
    that it computes in. The network is left as it was found. In float32, batch-normed convolutions are faster
    channels-last (ResNet18 1.7 times on a CPU without bfloat16), ConvNeXt is not.
    """
    fast = precision == "auto" and is_fast_in_bfloat16(device)
    channels_last = fast or (precision == "auto" and _is_batch_normed(network))
    was_training = network.training
    network.eval()
    if channels_last:
        network.to(memory_format=torch.channels_last)
    try:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
            yield torch.bfloat16 if fast else torch.float32
    finally:
        if channels_last:
            network.to(memory_format=torch.contiguous_format)
        network.train(was_training)


@contextlib.contextmanager
def training_pass(network: nn.Module, device: torch.device, precision: Precision) -> Iterator[torch.dtype]:
    """Train a network in channels-last, and in bfloat16, where that is fast; its layout is put back afterwards.

    Gives the type to compute in. On CPUs, networks of depthwise convolutions between batch norms (EfficientNet,
    MobileNet) train faster in float32.
    """
    in_bfloat16 = is_fast_in_bfloat16(device) and (device.type != "cpu" or not _is_depthwise(network))
    if precision == "auto":
        network.to(memory_format=torch.channels_last)
    try:
        yield torch.bfloat16 if precision == "auto" and in_bfloat16 else torch.float32
    finally:
        network.to(memory_format=torch.contiguous_format)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core.

    Steps as small as a head's wait longer for other threads than these save, above all on busy machines.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Let the C library keep the memory that torch frees, for the rest of this process.

    Touching new pages can halve the speed on a CPU. Linux with glibc only; ``ZOOBOT_KEEP_MEMORY=0`` leaves the
    library's own ways. The commands call it; the library does not.
    """
    if not sys.platform.startswith("linux") or os.environ.get("ZOOBOT_KEEP_MEMORY") == "0":
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 2**28)


def peak_memory_gb(device: torch.device) -> float:
    """Return the most memory that this process has held, in 10^9 bytes (0 on Windows).

    It is memory of a GPU, or else in its own address space.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def _is_batch_normed(network: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def _is_depthwise(network: nn.Module) -> bool:
    return _is_batch_normed(network) and any(
        isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1 for module in network.modules()
    )
