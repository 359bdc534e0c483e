"""Every format gives the same table: text, exact numbers, and what is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.data.writers import WRITERS, Columns

from zoobot.data.catalog import read_catalog
from zoobot.data.labels import read_labels
from zoobot.data.splits import group_codes
from zoobot.data.tables import read_source
from zoobot.data.text import MISSING_WORDS
from zoobot.data.unlabelled import leave_out_unlabelled
from zoobot.errors import CatalogError, LabelError

FILES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
MISSING_TEXT = [
    None,
    "",
    " ",
    "\t ",
    "NA",
    "N/A",
    "n/a",
    "nan",
    "NaN",
    "NAN",
    "null",
    "NULL",
    "None",
    "<NA>",
    "--",
    "INDEF",
]
NATIVE = {
    "text": ["ring", None, "bar", "ring"],
    "whole": [0, None, 1, 1],
    "number": [0.5, None, 1.5, -2.0],
    "flag": [True, None, False, True],
}


def read(writer: str, columns: Columns, folder: Path) -> pd.DataFrame:
    return read_source(WRITERS[writer](columns, folder))[0]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("word", MISSING_TEXT)
def test_missing_text_is_missing_in_every_format(writer: str, word: str | None, tmp_path: Path) -> None:
    if writer == "tsv" and word == "\t ":
        pytest.skip("a tab separates the fields there")
    frame = read(writer, {"file_loc": FILES, "label": ["ring", word, "bar", "ring"]}, tmp_path)
    assert frame["label"].isna().tolist() == [False, True, False, False]
    assert frame["label"].dropna().tolist() == ["ring", "bar", "ring"]


WRITTEN = {
    "names": ["ring", "bar", "ring", "bar"],
    "codes": ["1", "2", "2", "1"],
    "flags": ["True", "false", "true", "False"],
    "measurements": ["0.5", "1", "-2.5e3", "1e-7"],
}
"""Labels as text; the second galaxy has none"""


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", WRITTEN)
def test_every_reader_and_spelling_gives_the_same_labels_and_the_same_count(
    writer: str, kind: str, tmp_path: Path
) -> None:
    words = [word for word in (*MISSING_TEXT, *(MISSING_WORDS - {"1.#qnan", "-1.#qnan"})) if "\t" not in (word or "")]
    whole = pd.DataFrame({"id_str": list("abcd"), "label": WRITTEN[kind]})
    expected = read_labels(whole[whole.index != 1], "label")
    for word in words:
        written = [word if place == 1 else label for place, label in enumerate(WRITTEN[kind])]
        source = WRITERS[writer]({"id_str": list("abcd"), "file_loc": FILES, "label": written}, tmp_path)
        catalog = read_catalog(source, check_files=False)
        with pytest.raises(LabelError, match=r"1 of 4 galaxies have no label \(empty or NaN\) in column 'label': b"):
            read_labels(catalog, "label")
        rest, notes = leave_out_unlabelled(catalog, ["label"], " of the catalog")
        assert notes == ["1 of 4 galaxies of the catalog have no label, and are left out."], word
        labels = read_labels(rest, "label")
        assert (rest["id_str"].tolist(), labels.kind, labels.classes) == (
            ["a", "c", "d"],
            expected.kind,
            expected.classes,
        )
        np.testing.assert_array_equal(labels.values, expected.values)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", NATIVE)
def test_what_a_format_calls_missing_is_missing(writer: str, kind: str, tmp_path: Path) -> None:
    if writer == "hdf5" and kind == "flag":
        pytest.skip("astropy writes no masked logicals to hdf5")
    frame = read(writer, {"file_loc": FILES, "value": NATIVE[kind]}, tmp_path)
    assert frame["value"].isna().tolist() == [False, True, False, False]
    known = [value for value in NATIVE[kind] if value is not None]
    assert [type(known[0])(value) for value in frame["value"].dropna()] == known


@pytest.mark.parametrize("writer", WRITERS)
def test_words_that_may_be_classes_stay(writer: str, tmp_path: Path) -> None:
    words = ["none", "no", "0", "not sure"]
    assert read(writer, {"file_loc": FILES, "label": words}, tmp_path)["label"].tolist() == words


@pytest.mark.parametrize("writer", sorted(set(WRITERS) - {"fits", "votable"}))  # there names hold no spaces
def test_white_space_at_the_ends_of_text_goes(writer: str, tmp_path: Path) -> None:
    frame = read(writer, {" file_loc ": FILES, "label ": ["ring", "ring ", " ring", "a ring"]}, tmp_path)
    assert frame.columns.tolist() == ["file_loc", "label"]
    assert frame["label"].tolist() == ["ring", "ring", "ring", "a ring"]


BIG = 2**60


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("missing", [False, True])
def test_large_integers_are_exact_even_where_some_are_missing(writer: str, missing: bool, tmp_path: Path) -> None:
    tiles: list[Any] = [BIG + 1, None if missing else BIG + 4, BIG + 2, BIG + 1]
    frame = read(writer, {"file_loc": FILES, "tile": tiles}, tmp_path)
    assert [int(value) for value in frame["tile"].dropna()] == [value for value in tiles if value is not None]
    assert len(set(group_codes(frame["tile"]))) == 3
    assert group_codes(frame["tile"])[0] == group_codes(frame["tile"])[3]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("ids", [[BIG + place for place in range(4)], [7, 8, 9, 10], ["007", "M 31", "1e5", "12e+3"]])
def test_ids_are_exact_in_every_format(writer: str, ids: list[Any], tmp_path: Path) -> None:
    catalog = read_catalog(WRITERS[writer]({"id_str": ids, "file_loc": FILES}, tmp_path), check_files=False)
    assert catalog["id_str"].tolist() == [str(one) for one in ids]


@pytest.mark.parametrize("writer", WRITERS)
def test_whole_float_ids_lose_their_fraction(writer: str, tmp_path: Path) -> None:
    catalog = read_catalog(
        WRITERS[writer]({"id_str": [7.0, 8.0, 9.0, 10.0], "file_loc": FILES}, tmp_path), check_files=False
    )
    assert catalog["id_str"].tolist() == ["7", "8", "9", "10"]


@pytest.mark.parametrize("writer", WRITERS)
def test_rounded_ids_are_refused(writer: str, tmp_path: Path) -> None:
    source = WRITERS[writer]({"id_str": [float(BIG + 1024 * place) for place in range(4)], "file_loc": FILES}, tmp_path)
    with pytest.raises(
        CatalogError, match=r"4 of 4 values of id_str are .*last digits are lost.*as text or as 64 bit integers"
    ):
        read_catalog(source, check_files=False)


def test_ids_in_scientific_notation_are_refused(tmp_path: Path) -> None:
    (tmp_path / "excel.csv").write_text("id_str,file_loc\n1.23766E+18,a.jpg\n1.23767E+18,b.jpg\n")
    with pytest.raises(
        CatalogError, match=r"2 of 2 values of id_str are numbers that a program has rounded: '1.23766E\+18'"
    ):
        read_catalog(tmp_path / "excel.csv", check_files=False)


def test_rounded_groups_are_refused() -> None:
    groups = pd.Series([float(BIG), float(BIG), 3.0], name="tile")
    with pytest.raises(CatalogError, match="2 of 3 values of the group column 'tile' are float64"):
        group_codes(groups)


def test_an_index_of_ids_is_the_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"file_loc": FILES[:2]}, index=pd.Index([BIG + 1, BIG + 2], name="id_str"))
    frame.to_parquet(tmp_path / "indexed.parquet")
    for source in (frame, tmp_path / "indexed.parquet"):
        assert read_catalog(source, check_files=False)["id_str"].tolist() == [str(BIG + 1), str(BIG + 2)]


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(CatalogError, match="several columns named 'label'"):
        read_source(pd.DataFrame([["a.jpg", 0, 1]], columns=["file_loc", "label", "label "]))


def test_columns_of_arrays_are_left_out(tmp_path: Path) -> None:
    from astropy.table import Table

    table = Table({"file_loc": ["a.jpg", "b.jpg"], "flux": np.ones((2, 3)), "ring": [0, 1]})
    table.write(tmp_path / "arrays.fits")
    for source in (table, tmp_path / "arrays.fits"):
        assert read_source(source)[0].columns.tolist() == ["file_loc", "ring"]


TEXT = "file_loc,label,size\na b.jpg,spirale à bras,0.5\nc.jpg,ring,1\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ", ", " ; "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_dialects(encoding: str, separator: str, newline: str, tmp_path: Path) -> None:
    text = TEXT.replace(",", separator).replace("\n", newline)
    (tmp_path / "catalog.csv").write_bytes(text.encode(encoding))
    frame = read_source(tmp_path / "catalog.csv")[0]
    assert frame.columns.tolist() == ["file_loc", "label", "size"]
    assert frame["file_loc"].tolist() == ["a b.jpg", "c.jpg"]
    assert frame["label"].tolist() == ["spirale à bras", "ring"]
    assert frame["size"].tolist() == [0.5, 1]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("# by me\n# in May\nfile_loc,label\na.jpg,ring\nb#1.jpg,bar\n", ["ring", "bar"]),
        ("file_loc,label\na.jpg,ring\n# these are doubtful, all\nb#1.jpg,bar\n#c.jpg,bar\n", ["ring", "bar"]),
        ("# file_loc,label\na.jpg,ring\nb#1.jpg,bar\n", ["ring", "bar"]),
        ("\n\nfile_loc,label\n\na.jpg,ring\n\nb#1.jpg,bar\n", ["ring", "bar"]),
        ('"file_loc", "label"\n"a.jpg", "ring"\n"b#1.jpg", "bar"\n', ["ring", "bar"]),
        ('file_loc,label\na.jpg,"ring, bar"\nb#1.jpg,"say ""bar"""\n', ["ring, bar", 'say "bar"']),
        ("file_loc;label\na.jpg;0,5\nb#1.jpg;1,25\n", [0.5, 1.25]),
        ("file_loc,label,\na.jpg,ring,\nb#1.jpg,bar,\n", ["ring", "bar"]),
        ("file_loc,label\na.jpg,ring,\nb#1.jpg,bar,\n", ["ring", "bar"]),
        ("file_loc,label\na.jpg,1\nb#1.jpg,--\n", [1, None]),
    ],
)
def test_csv_as_people_write_it(text: str, label: list[Any], tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text(text)
    frame = read_source(tmp_path / "catalog.csv")[0]
    assert frame["file_loc"].tolist() == ["a.jpg", "b#1.jpg"]
    assert frame["label"].astype(object).where(frame["label"].notna(), None).tolist() == label


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file_loc;label\na.jpg;ring;9;9\nb.jpg;bar\n", ["separator semicolon", "encoding utf-8", "file_loc, label"]),
        ("file_loc,label\na.jpg,ring,9\nb.jpg,bar,9\n", ["separator comma", "one field per name"]),
        ("path label\na.jpg ring\n", ["no column file_loc", "separator comma", "encoding utf-8"]),
    ],
)
def test_csv_that_can_not_be_read_names_separator_and_encoding(text: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_text(text)
    with pytest.raises(CatalogError) as caught:
        read_catalog(tmp_path / "catalog.csv")
    assert all(word in str(caught.value) for word in words), caught.value
