"""The files at the root of the repository agree with each other.

They name versions of Python, licenses, and commands that workflows run.
"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORMS = sorted(
    path for pattern in (".github/**/*.yml", ".pre-commit-config.yaml", "CITATION.cff") for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms_are_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_every_version_of_python_that_is_named_is_tested() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]
    tested = jobs["newest"]["strategy"]["matrix"]["python"]
    named = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one) for one in PROJECT["classifiers"]]
    assert [match[1] for match in named if match] == tested
    assert PROJECT["requires-python"].removeprefix(">=").startswith(tested[0])
    lowest = next(
        step["with"]["python-version"] for step in jobs["lowest"]["steps"] if "python-version" in step.get("with", {})
    )
    assert lowest == tested[0]


def test_workflows_run_what_developers_run() -> None:
    makefile = (ROOT / "Makefile").read_text()
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"]
    for job in jobs.values():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        assert [command.split()[:2] for command in commands] == [["make", "test"]]
        for setting in re.findall(r"(\w+)=", " ".join(commands)):
            assert re.search(rf"^{setting} \?=", makefile, re.MULTILINE), setting


def test_the_license_has_one_name() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["license"] == PROJECT["license"]


def test_the_changelog_has_its_form() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line) for line in versions[1:])
    kinds = {"### Added", "### Changed", "### Deprecated", "### Removed", "### Fixed", "### Security"}
    first = lines.index("## [Unreleased]")
    assert all(line in ("", *kinds) or line.startswith(("- ", "## ")) for line in lines[first:])
    entries = [line for line in lines if line.startswith("- ")]
    assert len(entries) == len(set(entries)), "an entry is there twice"
