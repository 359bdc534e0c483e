"""Every code block of the README and of docs/: Python runs, commands have valid options, links lead somewhere.

The pages run in one fresh process, as a user's would: the published encoder's name leads to a tiny network on a
loopback server (the real hub client, through HF_ENDPOINT), and no other address can be reached, so that the demo
galaxies are simulated.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from tests.docs.pages import PAGES, ROOT, Block, blocks_of
from tests.encoders.hub_server import hub_server
from tests.galaxies import make_catalog
from timm.models import save_for_hf
from typer.main import get_command

import zoobot
from zoobot.cli import app

ENCODER = "mwalmsley/zoobot-encoder-convnext_nano"
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
LANGUAGES = {"python", "bash", "console", "yaml", "text", "diff"}

GUIDE_SCRIPT = """
from zoobot.pytorch.training import finetune
from zoobot import GalaxyDataModule, demo_rings, predict
train_catalog, _ = demo_rings(root=data_dir, download=True, train=True)
datamodule = GalaxyDataModule(label_cols=['ring'], catalog=train_catalog, batch_size=32)
model = finetune.FinetuneableZoobotClassifier(
    name='hf_hub:mwalmsley/zoobot-encoder-convnext_nano', num_classes=2, n_blocks=0)
trainer = finetune.get_trainer(save_dir, accelerator='cpu', max_epochs=100)
trainer.fit(model, datamodule)
finetuned = finetune.FinetuneableZoobotClassifier.load_from_checkpoint(best_checkpoint)
"""


def prepare(folder: Path) -> None:
    """Make the files that the pages name.

    They are galaxies.csv, survey.csv, test.csv, votes.csv, radio.csv, cubes.csv, by_class/, ...
    """
    frame = make_catalog(folder, n_galaxies=48)
    frame["ring"], frame["tile"] = frame["number"], frame["object"] // 2
    frame["morphology"] = frame["number"].map({0: "smooth", 1: "ringed"})
    frame["hubble_type"] = frame["number"].map({0: "E", 1: "Sc"})
    frame["bar_strength"] = frame["size"]
    frame["ring_yes"], frame["ring_no"] = 1 + frame["number"], 4 - frame["number"]
    (folder / "catalog.csv").unlink()
    frame.to_csv(folder / "galaxies.csv", index=False)
    frame.drop(columns="ring").to_csv(folder / "votes.csv", index=False)
    other = make_catalog(folder, n_galaxies=12, seed=1).assign(ring=lambda table: table["number"], redshift=0.05)
    other[["id_str", "file_loc", "ring", "redshift"]].to_csv(folder / "test.csv", index=False)
    other[["id_str", "file_loc"]].to_csv(folder / "survey.csv", index=False)
    shutil.copy(folder / other["file_loc"][0], folder / "galaxy.jpg")
    for row in frame.head(12).itertuples():
        target = folder / "by_class" / row.morphology
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / row.file_loc, target)

    make_catalog(folder, n_galaxies=24, seed=2, fits=True)
    shutil.move(folder / "catalog.csv", folder / "radio.csv")
    shutil.copy(folder / "images" / "g2_000.fits", folder / "radio.fits")
    from astropy.io import fits

    cubes = make_catalog(folder, n_galaxies=24, seed=3, fits=True)
    shutil.move(folder / "catalog.csv", folder / "cubes.csv")
    for name in cubes["file_loc"]:
        image = fits.getdata(folder / name)
        fits.writeto(folder / name, np.stack([image * (1 + band) for band in range(5)]), overwrite=True)
    shutil.copy(folder / cubes["file_loc"][0], folder / "cube.fits")


def run_all(work: Path, hub: Path, home: Path) -> tuple[dict[str, str], str]:
    """Run all pages, each in its folder below ``work``.

    Return the trace of each block that failed, and what went to stderr.
    """
    torch.manual_seed(0)
    model = timm.create_model(
        "test_convnext", pretrained=False, num_classes=0, pretrained_cfg_overlay={"input_size": (3, 64, 64)}
    )
    save_for_hf(model, str(hub / ENCODER), safe_serialization=True)
    prepare(work / "galaxies")
    shutil.copytree(hub / ENCODER, work / "galaxies" / "encoder_folder")
    for page in PAGES:
        shutil.copytree(work / "galaxies", work / Path(page).stem)
    unreachable = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    with hub_server(hub) as endpoint:
        environment = os.environ | unreachable
        environment |= {
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "OMP_NUM_THREADS": "1",
        }
        environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
        environment.pop("HF_HUB_OFFLINE", None)
        done = subprocess.run(
            [sys.executable, "-m", "tests.docs.pages", str(work), str(work / "failed.json")],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads((work / "failed.json").read_text()), done.stderr


def named(blocks: list[Block]) -> list[object]:
    return [pytest.param(block, id=block.name) for block in blocks]


def test_every_block_runs_and_writes_what_the_readme_promises(tmp_path):
    failed, stderr = run_all(tmp_path / "pages", tmp_path / "hub", tmp_path / "home")
    assert not failed, "\n".join(f"{name}\n{trace}" for name, trace in failed.items())
    assert "SIMULATED galaxies" in stderr

    folder = tmp_path / "pages" / "README"
    run = {path.name for path in (folder / "rings").iterdir()}
    tables = {"predictions.csv", "val_predictions.csv", "parts.csv", "log.csv", "folds"}
    assert (
        run == {"model", "outcomes.safetensors", "metrics.json", "checkpoints", "run.json", "about.json"} | tables
    )  # pages are run without report.html
    metrics = json.loads((folder / "rings" / "metrics.json").read_text())
    for part in ("val", "test"):
        assert {"accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss", "n"} <= set(metrics[part])
    assert zoobot.load(folder / "results" / "rings" / "model").label_cols == ["ring"]
    assert (folder / "predictions.csv").read_text().startswith("id_str,file_loc,ring_0,ring_1,ring_predicted")


def test_readme_has_the_guides_script_unchanged_but_for_its_layout():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = next(block.text for block in blocks_of("README.md") if "zoobot.pytorch.training" in block.text)
    added = "best_checkpoint = trainer.checkpoint_callback.best_model_path\n"
    assert script.count(added) == 1
    assert ast.dump(ast.parse(script.replace(added, ""))) == ast.dump(ast.parse(GUIDE_SCRIPT))
    assert "independent implementation" in readme


@pytest.mark.parametrize("block", named([block for block in BLOCKS if block.commands()]))
def test_commands_have_valid_options(block):
    for name, *arguments in block.commands():
        command = get_command(app).commands[name]
        command.make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_sound(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count("\n```") % 2 == 0
    assert {block.language for block in blocks_of(page)} <= LANGUAGES
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target


def test_the_guides_own_tree_is_a_tree(tmp_path):
    (block,) = [block for block in BLOCKS if block.language == "yaml" and block.page != "CONTRIBUTING.md"]
    path = tmp_path / "bars.yaml"
    path.write_text(block.text)
    assert zoobot.trees.load(path).get_question("bar-ring").asked_after == ("bar_strong", "bar_weak")


@pytest.mark.parametrize("block", named([one for one in blocks_of("CONTRIBUTING.md") if one.language == "yaml"]))
def test_examples_of_how_to_contribute_are_those_of_the_package(block):
    assert any(block.text in path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.yaml"))


@pytest.mark.parametrize("block", named([one for one in BLOCKS if one.language == "diff"]))
def test_lines_that_a_page_shows_as_added_are_in_one_module(block):
    lines = {line.removeprefix("+") for line in block.text.splitlines()}
    assert any(lines <= set(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "src").rglob("*.py"))


def test_files_that_contributors_are_pointed_to_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./-]*)`", text)
    assert len(named) > 15
    for name in named:
        assert (ROOT / name).exists(), name


def test_make_targets_that_the_pages_name_exist():
    makefile = (ROOT / "Makefile").read_text()
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    for target in re.findall(r"^make (\w+)", pages, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_published_names_that_the_pages_use_are_published():
    from zoobot.encoders.published import published_encoders

    known = {name for encoder in published_encoders() for name in (encoder.name, encoder.greyscale_name)}
    known.add("hf_hub:owner/repo")
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"hf_hub:[\w./-]*\w", text)) <= known
