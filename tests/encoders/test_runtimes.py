"""Other engines give what torch gives, for any batch length, or say why they can't."""

import importlib.util
import logging
import shutil
import sys
import warnings

import pytest
import torch
from torch import Tensor, nn

from zoobot.encoders import runtimes
from zoobot.encoders.runtimes import IMAGES_AT_A_TIME, TOLERANCE, build_pass
from zoobot.errors import OptionError

HAS_COMPILER = shutil.which("g++") or shutil.which("clang++")
ENGINES = [
    "torch",
    pytest.param(
        "compile", marks=pytest.mark.skipif(not HAS_COMPILER, reason="torch.compile needs a C++ compiler on a CPU")
    ),
    "openvino",
    "onnx",
]


class Small(nn.Module):
    """A convolution, a batch norm with statistics of its own, and a mean over the image."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.GELU())
        self.stem[1].running_mean.normal_()

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.stem(images - 0.5).mean(dim=(2, 3))
        return features


def images(count: int) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("engine", ENGINES)
@torch.no_grad()
def test_an_engine_equals_torch_for_any_batch_length(engine: str) -> None:
    if engine in runtimes.PACKAGES and not importlib.util.find_spec(runtimes.PACKAGES[engine][-1]):
        pytest.skip(f"{engine} is not installed")
    network = Small().eval()
    run = build_pass(engine, network, images(4), torch.float32, 100)  # type: ignore[arg-type]
    assert run is not network
    for count in (1, 3, 4, 6):
        expected = network(images(count))
        assert run(images(count)).shape == expected.shape
        torch.testing.assert_close(run(images(count)), expected, rtol=0, atol=TOLERANCE * float(expected.abs().max()))


@torch.no_grad()
def test_torch_takes_a_few_images_at_a_time_on_a_cpu() -> None:
    network, seen = Small().eval(), []
    network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    build_pass("torch", network, images(2), torch.float32, 20)(images(20))
    most = IMAGES_AT_A_TIME[torch.float32]
    assert seen == [most, most, 20 - 2 * most]


def test_what_gives_other_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Small().eval()
    monkeypatch.setitem(runtimes._BUILDERS, "openvino", lambda *_: lambda given: network(given) * 1.01)
    with torch.no_grad(), pytest.raises(OptionError, match="other values than torch"):
        build_pass("openvino", network, images(2), torch.float32, 2)
    monkeypatch.setitem(runtimes._BUILDERS, "openvino", lambda *_: lambda given: network(given).to(torch.bfloat16))
    with torch.no_grad(), pytest.raises(OptionError, match="other values than torch"):
        build_pass("openvino", network, images(2), torch.float32, 2)
    with torch.no_grad():
        build_pass("openvino", network, images(2), torch.bfloat16, 2)


def test_a_missing_engine_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'zoobot\[openvino\]'"):
        build_pass("openvino", Small(), images(2), torch.float32, 2)
    with pytest.raises(OptionError, match="Choose one of torch"):
        build_pass("tensorrt", Small(), images(2), torch.float32, 2)  # type: ignore[arg-type]


def test_what_an_engine_cannot_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        msg = "unsupported operator aten::galaxy"
        raise RuntimeError(msg)

    monkeypatch.setitem(runtimes._BUILDERS, "onnx", broken)
    with pytest.raises(OptionError, match="unsupported operator aten::galaxy"):
        build_pass("onnx", Small(), images(2), torch.float32, 2)


class Forked(nn.Module):
    """A network that goes one way or another by its values, which engines can't."""

    def forward(self, images: Tensor) -> Tensor:
        features = images.mean(dim=(2, 3))
        return features * 2 if features.sum() > 0 else features


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_an_engines_own_messages_are_not_shown(engine: str, monkeypatch, caplog, capfd) -> None:
    """torch.onnx tells its steps, and a hundred lines of a graph where one fails."""
    told: list[str] = []
    level = logging.root.level
    if not importlib.util.find_spec(runtimes.PACKAGES[engine][-1]):
        pytest.skip(f"{engine} is not installed")
    builder = runtimes._BUILDERS[engine]

    def talkative(*given: object) -> object:
        for line in ("step 1/3", "step 2/3"):
            sys.stdout.write(line)
            sys.stderr.write(line)
            logging.getLogger("torch.onnx").error(line)
            warnings.warn(line, stacklevel=2)
            told.append(line)
        return builder(*given)

    monkeypatch.setitem(runtimes._BUILDERS, engine, talkative)
    network = Forked() if engine == "onnx" else Broken()
    with torch.no_grad(), pytest.raises(OptionError) as refused:
        build_pass(engine, network, images(2), torch.float32, 2)  # type: ignore[arg-type]
    assert told and capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]
    message = str(refused.value)
    assert len(message.splitlines()) == 1 and "\x1b" not in message and len(message) < 500
    assert f"runtime={engine!r} can't run this encoder" in message
    assert logging.root.level == level  # OpenVINO raises it
    logging.getLogger("zoobot").error("heard again")
    assert caplog.records[-1].message == "heard again"


class Broken(nn.Module):
    """A network of an operation that OpenVINO doesn't know."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.linalg.eigvals(images.mean(dim=1)).real


@pytest.mark.parametrize(("total", "speed", "chosen"), [(10**6, 0.5, True), (10**6, 2.0, False), (10, 0.5, False)])
def test_auto_takes_what_is_faster_where_much_is_left(
    total: int, speed: float, chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that only the networks move: torch takes 1 s a batch, the engine ``speed`` seconds."""
    now = [0.0]
    calls = []
    network = Small().eval()

    def timed(name: str, seconds: float) -> None:
        calls.append(name)
        now[0] += seconds

    network.register_forward_hook(lambda *_: timed("torch", 1.0))

    def engine(given: Tensor) -> Tensor:
        timed("engine", speed)
        return network.stem(given - 0.5).mean(dim=(2, 3))  # type: ignore[no-any-return]

    monkeypatch.setattr(runtimes.time, "perf_counter", lambda: now[0])
    for name in ("openvino", "onnx"):
        monkeypatch.setitem(runtimes._BUILDERS, name, lambda *_: engine)
        monkeypatch.setitem(runtimes.PACKAGES, name, ())
    with torch.no_grad():
        run = build_pass("auto", network, images(2), torch.float32, total)
        expected = network(images(2))
        for _ in range(10):
            torch.testing.assert_close(run(images(2)), expected)
    assert calls[-1] == ("engine" if chosen else "torch")
    assert ("engine" in calls) == (total > 10)
