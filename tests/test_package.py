"""The package as a whole: quick to import, its public names, which room may import which, and what is in the wheel."""

import ast
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import zoobot

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "zoobot"
HEAVY = {"torch", "timm", "lightning", "astropy", "matplotlib", "pandas"}

# From the top of the house to its foundations: each room may import from those on later lines only.
HOUSE = (
    {"cli"},
    {"demo"},
    {"runs"},
    {"report"},
    {"predictions"},
    {"pretrain"},
    {"datasets"},
    {"pytorch"},
    {"finetune"},
    {"science"},
    {"simulate"},
    {"data"},
    {"encoders"},
    {"trees"},
    {"sealing", "folders", "origins"},
    {"places"},
    {"progress", "precision", "files", "ranges"},
    {"unpacking", "stopping"},
    {"errors", "schema", "terminal"},
)
FLOOR = {room: floor for floor, rooms in enumerate(HOUSE) for room in rooms}
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize(
    "code",
    [
        "import zoobot",
        "from typer.testing import CliRunner; from zoobot.cli import app; result = CliRunner().invoke(app, ['--help']); "
        "assert result.exit_code == 0 and 'finetune' in result.output, result.output",
    ],
    ids=["import zoobot", "zoobot --help"],
)
def test_nothing_heavy_is_imported(code):
    report = f"{code}\nimport sys\nprint(*({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_public_name_is_there():
    for name in zoobot.__all__:
        assert getattr(zoobot, name) is not None
    assert set(zoobot.__all__) <= set(dir(zoobot))
    with pytest.raises(AttributeError, match="no attribute 'finetuner'"):
        _ = zoobot.finetuner


def test_the_guides_import_path_gives_the_same_module():
    from zoobot.pytorch.training import finetune

    assert finetune is importlib.import_module("zoobot.finetune")
    assert importlib.import_module("zoobot.pytorch.training.finetune") is finetune
    assert finetune.FinetuneableZoobotClassifier is zoobot.FinetuneableZoobotClassifier


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).with_suffix("").as_posix())
def test_rooms_import_from_rooms_below_only(path):
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert room in FLOOR, f"give {room!r} its floor in HOUSE, as DESIGN.md has it"
    imported = {name for name in rooms_imported(path) if name != room}
    assert imported <= set(FLOOR), f"{imported - set(FLOOR)} are not rooms"
    above = {name for name in imported if FLOOR[name] <= FLOOR[room]}
    assert not above, f"{room} is below {above}"


def rooms_imported(path: Path) -> set[str]:
    """Return the rooms of zoobot that a module imports from, anywhere in it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("zoobot.")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} line {node.lineno}: imports are written in full"
            if node.module == "zoobot":
                rooms |= {alias.name for alias in node.names} - {"__version__"}
            elif (node.module or "").startswith("zoobot."):
                rooms.add(node.module.split(".")[1])
    return rooms


def test_the_wheel_holds_every_module_and_data_file(tmp_path):
    build = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel: pip install hatchling")
    wheel = next(build.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in packed if name.startswith("zoobot/")} == wanted
    assert {"zoobot/py.typed", "zoobot/trees/gz2.yaml", "zoobot/encoders/published.yaml"} <= wanted
