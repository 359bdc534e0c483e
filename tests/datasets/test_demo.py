"""The rings demo: the real set from a loopback server, and the simulated one that takes its place."""

import hashlib
import io
import logging
import shutil
import tarfile
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from zoobot.datasets import SimulatedDataWarning, demo, demo_rings
from zoobot.datasets.download import RemoteFile
from zoobot.errors import CatalogError, OutputError


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and notes the paths that were asked for."""

    def log_message(self, *args: object) -> None:
        self.server.asked.append(self.path)


class Survey:
    """A loopback server of a tiny rings demo, whose files a test may alter before they're asked for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
        self.server.asked = []
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def asked(self) -> list[str]:
        return self.server.asked

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def publish(self, archive_members: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> None:
        """Write the archive, and tell the package the addresses and checksums of all three files."""
        with tarfile.open(self.folder / "images.tar.gz", "w:gz") as tar:
            for name, content in archive_members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            for member in extra or []:
                tar.addfile(member)
        files = [self.remote(name) for name in ("train.parquet", "test.parquet", "images.tar.gz")]
        self.monkeypatch.setattr(demo, "DEMO_RINGS", demo.ImageSet(*files, path_columns=("subfolder", "filename")))

    def remote(self, name: str) -> RemoteFile:
        md5 = hashlib.md5((self.folder / name).read_bytes()).hexdigest()
        return RemoteFile(f"http://127.0.0.1:{self.server.server_port}/{name}", md5)


def jpeg(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(buffer, format="JPEG")
    return buffer.getvalue()


IMAGES = {f"images/J{i // 3}/J{i:03d}.jpg": jpeg(20 * i) for i in range(9)}


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Survey]:
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    folder = tmp_path / "published"
    folder.mkdir()
    table = pd.DataFrame(
        {"subfolder": [f"J{i // 3}" for i in range(9)], "filename": [f"J{i:03d}.jpg" for i in range(9)]}
    )
    table["ring"] = [i % 2 for i in range(9)]
    table[:6].to_parquet(folder / "train.parquet")
    table[6:].to_parquet(folder / "test.parquet")
    served = Survey(folder, monkeypatch)
    served.publish(IMAGES)
    yield served
    served.stop()


@pytest.fixture
def few_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the simulated set small, so that the tests are quick."""
    monkeypatch.setattr(demo, "N_SIMULATED_TRAIN", 5)
    monkeypatch.setattr(demo, "N_SIMULATED_TEST", 3)


@pytest.mark.parametrize("top", ["images/", ""])
def test_downloads_the_real_set_once_and_needs_no_network_then(survey: Survey, tmp_path: Path, top: str) -> None:
    survey.publish({name.replace("images/", top): content for name, content in IMAGES.items()})
    root = tmp_path / "root"
    train, label_cols = demo_rings(root)
    assert label_cols == ["ring"]
    assert train["id_str"].tolist() == [f"J{i:03d}" for i in range(6)]
    assert train["ring"].tolist() == [0, 1] * 3
    assert not train["simulated"].any()
    for i, file in enumerate(train["file_loc"]):
        assert Path(file).is_absolute()
        assert Path(file).read_bytes() == IMAGES[f"images/J{i // 3}/J{i:03d}.jpg"]
    assert len(survey.asked) == 3
    survey.stop()
    again, _ = demo_rings(root)
    pd.testing.assert_frame_equal(again, train)
    test, _ = demo_rings(root, train=False, download=False)
    assert set(test["id_str"]) == {"J006", "J007", "J008"}
    assert sorted(path.name for path in root.iterdir()) == [
        "demo_rings_test_catalog.parquet",
        "demo_rings_train_catalog.parquet",
        "images",
    ], "nothing but the set is kept"


def test_a_lost_image_is_brought_back_and_named_where_it_must_not_be(survey: Survey, tmp_path: Path) -> None:
    train, _ = demo_rings(tmp_path)
    Path(train["file_loc"][2]).unlink()
    with pytest.raises(CatalogError, match=r"1 of 6 images .*J002\.jpg"):
        demo_rings(tmp_path, download=False)
    demo_rings(tmp_path)
    assert Path(train["file_loc"][2]).is_file()


@pytest.mark.parametrize("simulated", [None, False])
@pytest.mark.parametrize("name", ["train.parquet", "images.tar.gz"])
def test_wrong_checksum_is_an_error_and_never_a_fallback(
    survey: Survey, tmp_path: Path, name: str, simulated: bool | None
) -> None:
    (survey.folder / name).write_bytes(b"altered on the way")
    root = tmp_path / "root"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CatalogError, match="md5"):
            demo_rings(root, simulated=simulated)
    assert not (root / "simulated_rings").exists()
    assert not (root / "images").exists()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("members", "extra"),
    [
        ({"../escaped.jpg": jpeg(1)}, []),
        ({"images/../../../escaped.jpg": jpeg(1)}, []),
        ({"/tmp/zoobot_escaped.jpg": jpeg(1)}, []),
        ({}, [special("images/link", tarfile.SYMTYPE, "../../..")]),
        ({}, [special("images/link.jpg", tarfile.LNKTYPE, "images/J0/J000.jpg")]),
        ({}, [special("images/pipe", tarfile.FIFOTYPE)]),
    ],
    ids=["parent", "deep_parent", "absolute", "symlink", "hardlink", "pipe"],
)
def test_archive_that_leaves_its_folder_is_refused_whole(
    survey: Survey, tmp_path: Path, members: dict[str, bytes], extra: list[tarfile.TarInfo]
) -> None:
    survey.publish(IMAGES | members, extra)
    root = tmp_path / "deep" / "root"
    with pytest.raises(CatalogError, match="not safe to unpack"):
        demo_rings(root)
    assert not list(root.rglob("*.jpg"))
    assert not list(tmp_path.rglob("escaped.jpg"))
    assert not Path("/tmp/zoobot_escaped.jpg").exists()


def test_refusal_by_the_server_is_an_error(survey: Survey, tmp_path: Path) -> None:
    (survey.folder / "test.parquet").unlink()
    with pytest.raises(CatalogError, match="404"):
        demo_rings(tmp_path / "root")


def test_published_catalog_of_another_form_names_the_column(survey: Survey, tmp_path: Path) -> None:
    pd.DataFrame({"filename": ["a.jpg"], "ring": [0]}).to_parquet(survey.folder / "train.parquet")
    survey.publish(IMAGES)
    with pytest.raises(CatalogError, match="no column subfolder; it has filename, ring"):
        demo_rings(tmp_path / "root")


def test_without_network_falls_back_loudly(
    survey: Survey, few_simulated: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    survey.stop()
    with (
        caplog.at_level(logging.WARNING),
        pytest.warns(SimulatedDataWarning, match="SIMULATED galaxies, not real") as caught,
    ):
        train, label_cols = demo_rings(tmp_path / "root")
    assert caught[0].filename == __file__, "the warning points at the user's own line"
    assert [record.levelname for record in caplog.records if record.name == "zoobot.datasets.demo"] == ["WARNING"]
    assert "SIMULATED" in caplog.text
    assert label_cols == ["ring"]
    assert list(train) == ["id_str", "file_loc", "ring", "simulated"]
    assert train["simulated"].all()
    assert train["id_str"].str.startswith("sim_rings_").all()
    assert all(tmp_path / "root" / "simulated_rings" in Path(file).parents for file in train["file_loc"])
    with pytest.warns(SimulatedDataWarning):  # as loud when the set is kept from before
        again, _ = demo_rings(tmp_path / "root")
    pd.testing.assert_frame_equal(again, train)


def test_without_network_and_real_asked_for_is_an_error(survey: Survey, tmp_path: Path) -> None:
    survey.stop()
    with pytest.raises(CatalogError, match=r"can't reach .*simulated=True"):
        demo_rings(tmp_path / "root", simulated=False)


def test_simulated_on_purpose_asks_no_server_and_train_and_test_are_disjoint(
    survey: Survey, few_simulated: None, tmp_path: Path
) -> None:
    train, _ = demo_rings(tmp_path, simulated=True)
    test, _ = demo_rings(tmp_path, train=False, simulated=True)
    assert survey.asked == []
    assert (len(train), len(test)) == (5, 3)
    assert set(train["id_str"]).isdisjoint(test["id_str"])
    contents = [Path(file).read_bytes() for file in [*train["file_loc"], *test["file_loc"]]]
    assert len(set(contents)) == 8
    assert train["simulated"].all()
    assert test["simulated"].all()


def test_a_simulated_set_may_be_moved(few_simulated: None, tmp_path: Path) -> None:
    demo_rings(tmp_path / "old", simulated=True)
    shutil.move(tmp_path / "old", tmp_path / "new")
    moved, _ = demo_rings(tmp_path / "new", simulated=True)
    assert all(Path(file).is_file() for file in moved["file_loc"])


def test_not_there_and_not_to_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="download=True"):
        demo_rings(tmp_path, download=False)


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    with pytest.raises(OutputError, match="can't keep the rings demo"):
        demo_rings(tmp_path / "root")
