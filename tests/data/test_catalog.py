"""Catalogs: every source gives the same table, and every mistake is named."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table
from PIL import Image

from zoobot.data.catalog import label_columns, read_catalog
from zoobot.errors import CatalogError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.png", "c.JPEG"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    return tmp_path


FRAME = pd.DataFrame(
    {"file_loc": ["a.jpg", "b.png", "c.JPEG"], "ring": [0, 1, 1], "kind": ["E", "S", "E"], "mass": [9.5, 10.25, 11.0]}
)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "fits", "fits.gz", "ecsv", "vot", "hdf5"])
def test_a_table_file_gives_ids_absolute_paths_and_its_columns(images: Path, ending: str) -> None:
    path = images / f"catalog.{ending}"
    if ending.startswith("csv"):
        FRAME.to_csv(path, index=False)
    elif ending == "parquet":
        FRAME.to_parquet(path)
    else:
        text = {"file_loc": FRAME["file_loc"].to_numpy(str), "kind": FRAME["kind"].to_numpy(str)}
        table = Table({**text, "ring": FRAME["ring"].to_numpy(), "mass": FRAME["mass"].to_numpy()})
        if ending == "hdf5":
            table["file_loc"], table["kind"] = table["file_loc"].astype("S"), table["kind"].astype("S")
            table.write(path, path="table")
        else:
            table.write(
                path, format={"fits": "fits", "ecsv": "ascii.ecsv", "vot": "votable"}[ending.removesuffix(".gz")]
            )
    read = read_catalog(path)
    assert read["id_str"].tolist() == ["a", "b", "c"]
    assert read["file_loc"].tolist() == [str(images / name) for name in FRAME["file_loc"]]
    assert read["kind"].astype(str).tolist() == ["E", "S", "E"]
    assert read["mass"].tolist() == [9.5, 10.25, 11.0]


def test_tables_in_memory_start_from_the_working_folder(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images)
    expected = read_catalog(FRAME)
    assert expected["file_loc"].tolist() == [str(images / name) for name in FRAME["file_loc"]]
    pd.testing.assert_frame_equal(read_catalog(pa.Table.from_pandas(FRAME)), expected, check_dtype=False)
    pd.testing.assert_frame_equal(read_catalog(Table.from_pandas(FRAME)), expected, check_dtype=False)
    assert "id_str" not in FRAME.columns  # the caller's table is left alone


def test_a_folder_of_class_folders_labels_its_images(tmp_path: Path) -> None:
    for name in ("spiral/x.jpg", "spiral/y.jpg", "elliptical/z.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "spiral" / "notes.txt").write_text("not an image")
    read = read_catalog(tmp_path)
    assert dict(zip(read["id_str"], read["label"], strict=True)) == {"x": "spiral", "y": "spiral", "z": "elliptical"}


def test_a_plain_folder_has_no_labels(images: Path) -> None:
    assert read_catalog(images).columns.tolist() == ["id_str", "file_loc"]


def test_ids_in_a_csv_keep_their_leading_zeros(images: Path) -> None:
    (images / "catalog.csv").write_text("id_str,file_loc\n0012,a.jpg\n0120,b.png\n")
    assert read_catalog(images / "catalog.csv")["id_str"].tolist() == ["0012", "0120"]


def test_double_endings_leave_the_stem() -> None:
    frame = read_catalog(pd.DataFrame({"file_loc": ["/x/one.fits.fz", "/x/two.v1.fits"]}), check_files=False)
    assert frame["id_str"].tolist() == ["one", "two.v1"]


def test_several_files_are_bands_of_one_galaxy(images: Path) -> None:
    frame = pd.DataFrame({"file_loc": [["a.jpg", "b.png"]], "id_str": ["g"]})
    assert read_catalog(frame, check_files=False)["file_loc"][0].split(";") == [
        str(Path("a.jpg").absolute()),
        str(Path("b.png").absolute()),
    ]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.iloc[:0], "has no rows"),
        (FRAME.drop(columns="file_loc"), "no column file_loc"),
        (FRAME.assign(id_str=["x", "y", "x"]), r"2 of 3 rows share their id_str .* row 0 \(x\), row 2 \(x\)"),
        (FRAME.assign(file_loc=["a.jpg", None, "c.JPEG"]), r"1 of 3 rows have no file_loc: row 1"),
        (FRAME.assign(id_str=["x", None, "y"]), "1 of 3 rows have no id_str"),
        (
            pd.DataFrame({"file_loc": [f"gone{i}.jpg" for i in range(7)]}),
            r"7 of 7 image files are missing: .*gone0.jpg.*gone4.jpg, \.\.\.",
        ),
    ],
)
def test_a_mistake_in_a_catalog_is_named(
    images: Path, frame: pd.DataFrame, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images)
    with pytest.raises(CatalogError, match=message):
        read_catalog(frame)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "there is no catalog at"),
        ("notes.doc", b"x", "not a kind of table"),
        ("bad.parquet", b"not parquet", "can't be read as a parquet table"),
        ("bad.fits", b"not fits", "can't be read as a fits table"),
        ("empty.csv", b"", "has no rows"),
    ],
)
def test_a_bad_table_file_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogError, match=message):
        read_catalog(tmp_path / name)


def test_an_empty_folder_and_a_wrong_type_are_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="holds no images"):
        read_catalog(tmp_path)
    with pytest.raises(CatalogError, match="can't be read from int"):
        read_catalog(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("file_loc", "says which galaxy"),
        ("rong", "lacks 1 of 1 label columns: rong"),
        ([], "empty"),
        (["ring", "ring"], "twice"),
    ],
)
def test_label_columns_that_are_none_are_named(columns: str | list[str], message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        label_columns(FRAME, columns)
