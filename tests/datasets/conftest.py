"""Published sets on a loopback server in place of the real addresses, and simulated sets small enough for tests."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.datasets.server import FileServer

from zoobot.datasets import demo, download
from zoobot.datasets.published import published_sets

N_GALAXIES, N_TRAIN = 9, 6


def jpeg(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(buffer, format="JPEG")
    return buffer.getvalue()


IMAGES = {f"images/J{i // 3}/J{i:03d}.jpg": jpeg(20 * i) for i in range(N_GALAXIES)}


def tar_of(files: Mapping[str, bytes], extra: tuple[tarfile.TarInfo, ...] = (), mode: str = "w:gz") -> bytes:
    """Return a tar archive of files, by name, and of further members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return buffer.getvalue()


def published_table(name: str) -> pd.DataFrame:
    """Return nine galaxies in the published form of a set.

    Labels are 0, 1, 0, ..., or votes 0, 1, 2, ... with some not asked.
    """
    images = published_sets()[name]
    parts = {
        "subfolder": [f"J{i // 3}" for i in range(N_GALAXIES)],
        "filename": [f"J{i:03d}.jpg" for i in range(N_GALAXIES)],
    }
    if images.path_columns == ("filename",):
        parts = {"filename": ["/".join(pair) for pair in zip(*parts.values(), strict=True)]}
    if not images.tree:
        return pd.DataFrame(parts | {column: [i % 2 for i in range(N_GALAXIES)] for column in images.label_cols})
    votes = np.arange(N_GALAXIES * len(images.label_cols), dtype=float).reshape(N_GALAXIES, -1)
    votes[2, -3:] = np.nan
    return pd.DataFrame(parts).join(pd.DataFrame(votes, columns=list(images.label_cols)))


class Survey(FileServer):
    """A server of published sets that stand in for the real ones."""

    monkeypatch: pytest.MonkeyPatch

    def publish_set(self, name: str, table: pd.DataFrame | None = None, archive: bytes | None = None) -> None:
        """Serve two catalogs and an archive, and let the package look for them here."""
        table = published_table(name) if table is None else table
        real = published_sets()[name]
        files = {}
        for part, rows in (("train_catalog", table[:N_TRAIN]), ("test_catalog", table[N_TRAIN:])):
            buffer = io.BytesIO()
            rows.to_parquet(buffer)
            files[part] = self.publish(getattr(real, part).name, buffer.getvalue())
        files["images"] = self.publish(real.images.name, tar_of(IMAGES) if archive is None else archive)
        self.monkeypatch.setitem(published_sets(), name, replace(real, **files))


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Survey]:
    """Return a server with the rings demo on it."""
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    folder = tmp_path / "published"
    folder.mkdir()
    served = Survey(folder)
    served.monkeypatch = monkeypatch
    served.publish_set("demo_rings")
    yield served
    served.stop()


@pytest.fixture
def few_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the simulated sets small, so that the tests are quick."""
    for name, simulation in demo.SIMULATIONS.items():
        monkeypatch.setitem(demo.SIMULATIONS, name, replace(simulation, n_train=5, n_test=3))
