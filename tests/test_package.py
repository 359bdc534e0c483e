"""The package as a whole.

It is quick to import; its public names, which module may import which, and what is in the wheel are tested.
"""

import ast
import importlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import zoobot

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "zoobot"
HEAVY = {"torch", "timm", "lightning", "astropy", "matplotlib", "pandas"}


def floors() -> dict[str, int]:
    """Return the floor of each room, counted from the top: its line in the map of docs/architecture.md."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = page.partition("## The rooms")[2].split("```")[1].splitlines()[1:]
    named = [re.findall(r"\w+", re.split(r"\s{2,}", line)[0]) for line in lines]
    return {room: floor for floor, rooms in enumerate(named) for room in rooms}


FLOOR = floors()
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize(
    "code",
    [
        "import zoobot",
        "from typer.testing import CliRunner; from zoobot.cli import app; result = CliRunner().invoke(app, "
        "['--help']); assert result.exit_code == 0 and 'finetune' in result.output, result.output",
    ],
    ids=["import zoobot", "zoobot --help"],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    report = f"{code}\nimport sys\nprint(*({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    for name in zoobot.__all__:
        assert getattr(zoobot, name) is not None
    assert set(zoobot.__all__) <= set(dir(zoobot))
    with pytest.raises(AttributeError, match="no attribute 'finetuner'"):
        _ = zoobot.finetuner


def test_the_guides_import_path_gives_the_same_module() -> None:
    from zoobot.pytorch.training import finetune

    assert finetune is importlib.import_module("zoobot.finetune")
    assert importlib.import_module("zoobot.pytorch.training.finetune") is finetune
    assert finetune.FinetuneableZoobotClassifier is zoobot.FinetuneableZoobotClassifier


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).with_suffix("").as_posix())
def test_rooms_import_from_rooms_below_only(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert room in FLOOR, f"give {room!r} its line in the map of docs/architecture.md"
    named = imports(path, typing=True)
    assert "zoobot" not in named, "import from the room that has it: the package imports every room"
    imported = {name.split(".")[1] for name in named} - {room}
    assert imported <= set(FLOOR), f"{imported - set(FLOOR)} are not rooms"
    above = {name for name in imported if FLOOR[name] <= FLOOR[room]}
    assert not above, f"{room} is below {above}"


def test_the_report_computes_no_statistics() -> None:
    """They are in science, where each has its formula and its simulation."""
    for path in (SOURCE / "report").rglob("*.py"):
        text = path.read_text()
        used = [name for name in ("scipy", "sklearn", "np.random", "np.percentile", "np.quantile") if name in text]
        assert not used, f"{path} uses {', '.join(used)}"


@pytest.mark.parametrize("name", ["check_run", "compare_encoders", "compare_features", "read_audit", "select_galaxies"])
def test_workflows_that_moved_to_runs_keep_their_earlier_names(name: str) -> None:
    assert getattr(importlib.import_module("zoobot.report"), name) is getattr(
        importlib.import_module("zoobot.runs"), name
    )


def test_the_map_has_rooms_only() -> None:
    assert set(FLOOR) == {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in MODULES}


def test_no_circle_of_files() -> None:
    names = {module_name(path) for path in MODULES}
    graph = {}
    for path in MODULES:
        found = {(name if name in names else name.rpartition(".")[0]) for name in imports(path)}
        graph[module_name(path)] = (found & names) - {module_name(path)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(circle.args[1])}")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, *, typing: bool = False) -> set[str]:
    """Return what a module imports of zoobot, anywhere in it.

    These are names of modules, or of what is in them. With ``typing``, imports for type checkers count too.
    """
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if typing else at_run_time(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} line {node.lineno}: imports are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {"zoobot"} if node.module == "zoobot" else set()
    return {name for name in found if name.partition(".")[0] == "zoobot"}


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, without what stands under ``if TYPE_CHECKING``."""
    yield node
    only_types = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    for child in node.orelse if isinstance(node, ast.If) and only_types else ast.iter_child_nodes(node):
        yield from at_run_time(child)


def test_the_wheel_holds_every_module_and_data_file(tmp_path: Path) -> None:
    build = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel: pip install hatchling")
    wheel = next(build.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    assert Path(wheel).name.startswith(f"zoobot-{zoobot.__version__}-")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in packed if name.startswith("zoobot/")} == wanted
    assert {"zoobot/py.typed", "zoobot/trees/gz2.yaml", "zoobot/encoders/published.yaml"} <= wanted
