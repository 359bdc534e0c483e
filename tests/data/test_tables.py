"""Every format gives the same table: text, exact numbers, and what is missing."""

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.data.writers import WRITERS, Columns

from zoobot.data.catalog import read_catalog
from zoobot.data.labels import infer_kind, read_labels
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


def test_quotes_and_dashes_of_windows_are_read(tmp_path: Path) -> None:
    (tmp_path / "catalog.csv").write_bytes("file_loc,label\na.jpg,‘early’ – à\nb.jpg,Š\n".encode("cp1252"))
    assert read_source(tmp_path / "catalog.csv")[0]["label"].tolist() == ["‘early’ – à", "Š"]


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(np.array([2049, 3, 4, 5], np.float16)), pd.Series([2.0**60, 3, 4, 5], dtype="Float64"),
        pd.Series([2.0**60, 3, 4, 5], dtype="double[pyarrow]"), pd.Series(["5,8772298E+17", "6", "7", "8"]),
        pd.Series(["5.87722981742085e17", "6", "7", "8"]),
    ],
)  # fmt: skip
def test_ids_that_any_type_has_rounded_are_refused(ids: pd.Series) -> None:
    with pytest.raises(CatalogError, match="1 of 4 values of id_str are .*last digits are lost"):
        read_catalog(pd.DataFrame({"id_str": ids, "file_loc": FILES}), check_files=False)


def test_ids_that_were_exported_as_formulas_are_text() -> None:
    frame = pd.DataFrame({"id_str": ['="587722981742084144"', '="007"', "M 31", "x"], "file_loc": FILES})
    assert read_catalog(frame, check_files=False)["id_str"].tolist() == ["587722981742084144", "007", "M 31", "x"]


@pytest.mark.parametrize("name", ["id_str", "file_loc"])
def test_names_that_are_arrays_are_refused(name: str, tmp_path: Path) -> None:
    from astropy.table import Table

    Table({"file_loc": FILES, "id_str": FILES, name: [["a", "b"]] * 4}).write(tmp_path / "arrays.fits")
    with pytest.raises(CatalogError, match=f"the column {name} of the catalog holds an array in each row"):
        read_catalog(tmp_path / "arrays.fits", check_files=False)


@pytest.mark.parametrize("dtype", ["uint64", "dictionary", "decimal"])
def test_ids_of_parquet_types_are_exact(dtype: str, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    ids = [2**63 + 1, 2**64 - 1, 5, 7]
    columns = {
        "uint64": pa.array(ids, pa.uint64()), "dictionary": pa.array(list(map(str, ids))).dictionary_encode(),
        "decimal": pa.array([Decimal(one) for one in ids], pa.decimal128(22, 0)),
    }  # fmt: skip
    parquet.write_table(pa.table({"id_str": columns[dtype], "file_loc": FILES}), tmp_path / "ids.parquet")
    catalog = read_catalog(tmp_path / "ids.parquet", check_files=False)
    assert catalog["id_str"].tolist() == list(map(str, ids))


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
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
        ("file_loc;label\na.jpg;,5\nb#1.jpg;-1,25e-1\n", [0.5, -0.125]),
        ("file_loc;label\na.jpg;0,5\nb#1.jpg;0.25\n", [0.5, 0.25]),
        ("sep=;\nfile_loc;label\na.jpg;0,5\nb#1.jpg;1,25\n", [0.5, 1.25]),
        ("\ufeffsep=|\nfile_loc|label\na.jpg|x, y\nb#1.jpg|z\n", ["x, y", "z"]),
        ('file_loc,label\na.jpg,"ring\n#2"\nb#1.jpg,bar\n', ["ring\n#2", "bar"]),
        ('file_loc,label\na.jpg,"ring\nor bar"\n# doubtful\nb#1.jpg,5"\n', ["ring\nor bar", '5"']),
        ("file_loc,label\na.jpg,ring\u00a0\nb#1.jpg,\u00a0\n", ["ring", None]),
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
    ("separator", "values", "numbers"),
    [
        (",", ["1,234.5", "12,345.25", "7"], [1234.5, 12345.25, 7]),
        (",", ["1,234", "12,345,678", "999"], [1234, 12345678, 999]),
        (",", ["-1,234", "+2,345", "0.5"], [-1234, 2345, 0.5]),
        (",", ["1 234", "12 345.5", "7"], [1234, 12345.5, 7]),
        (",", ["1'234", "12\u202f345", "7"], [1234, 12345, 7]),
        (",", ["1,234", "", "NaN"], [1234, None, None]),
        (";", ["0,5", "1.234,5", "2.345.678"], [0.5, 1234.5, 2345678]),
        (";", ["0,5", "1.234,5", "2.345"], [0.5, 1234.5, 2345]),
        (";", ["1,234.5", "12,345.5", "7"], [1234.5, 12345.5, 7]),
        (";", ["1\u00a0234,5", "2,25", "7"], [1234.5, 2.25, 7]),
        ("\t", ["1,234", "12,345", "0,5"], [1.234, 12.345, 0.5]),
        (" ", ["1,234.5", "12,345.5", "7"], [1234.5, 12345.5, 7]),
        (" ", ["0,5", "2,25", "7"], [0.5, 2.25, 7]),
    ],
)
def test_numbers_with_thousands_set_apart_or_decimal_commas(
    separator: str, values: list[str], numbers: list[Any], tmp_path: Path
) -> None:
    rows = "".join(f'{row}.jpg{separator}"{value}"\n' for row, value in enumerate(values))
    (tmp_path / "catalog.txt").write_text(f"file_loc{separator}flux\n{rows}")
    flux = read_source(tmp_path / "catalog.txt")[0]["flux"]
    assert pd.api.types.is_numeric_dtype(flux)
    np.testing.assert_array_equal(flux.to_numpy(float), np.array(numbers, float))


@pytest.mark.parametrize(
    ("separator", "value", "said"),
    [
        (",", "1,234", "such as '1,234': it is taken for 1234. If commas are decimal ones, write points"),
        (";", "1,234", "such as '1,234': it is taken for 1.234. If commas set thousands apart, leave them out"),
        (",", "1,2", "such as '1,2', which are left as text. If they are decimal ones, write points, or semicolons"),
    ],
)
def test_commas_that_may_mean_something_else_are_said(
    separator: str, value: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "catalog.csv").write_text(f'file_loc{separator}flux\na.jpg{separator}"{value}"\nb.jpg{separator}7\n')
    read_source(tmp_path / "catalog.csv")
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "catalog.csv: Column 'flux' has numbers with commas, " + said in record.getMessage()


@pytest.mark.parametrize("writer", sorted(set(WRITERS) - {"spaced_csv", "tsv", "blanks"}))
def test_text_of_numbers_with_thousands_is_measurements_in_every_format(writer: str, tmp_path: Path) -> None:
    frame = read(writer, {"file_loc": FILES, "value": ["1,234.5", "2,345.5", "7", "0.25"]}, tmp_path)
    frame = frame.assign(id_str=FILES)
    assert infer_kind(frame, ["value"]) == "numbers"
    assert read_labels(frame, "value").values[:, 0].tolist() == [1234.5, 2345.5, 7, 0.25]
    years = read(writer, {"file_loc": FILES, "value": ["2,019", "2,020", "2,019", "2,020"]}, tmp_path)
    assert read_labels(years.assign(id_str=FILES), "value", kind="classes").classes == ("2019", "2020")


@pytest.mark.parametrize(
    "values", [["ring, bar", "ring"], ["1,2,3", "4"], ["12,34", "1,234"], ["1,234 ring", "7"], ["0,123.5", "1"]]
)
def test_other_text_with_commas_stays(values: list[str], tmp_path: Path) -> None:
    rows = "".join(f'{row}.jpg,"{value}"\n' for row, value in enumerate(values))
    (tmp_path / "catalog.csv").write_text(f"file_loc,label\n{rows}")
    assert [str(one) for one in read_source(tmp_path / "catalog.csv")[0]["label"]] == values


BLANKS = [
    "file_loc  label  size\na.jpg  ring  0.5\nb.jpg   bar   1\n",
    "file_loc label size\na.jpg ring 0.5\nb.jpg bar 1",
    "# file_loc label  size\na.jpg ring 0.5\nb.jpg bar 1\n",
    "   file_loc   label size  \n   a.jpg \t ring 0.5  \n\n   b.jpg bar 1\n# the end\n",
    "# from DR5, all of it\nfile_loc label size\na.jpg ring 0.5\n'b.jpg' bar 1\n".replace("'", '"'),
]


@pytest.mark.parametrize("name", ["c.txt", "c.dat", "c.csv", "c.tsv", "C.DAT", "c.dat.gz"])
@pytest.mark.parametrize("text", BLANKS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_blanks_between_fields(name: str, text: str, encoding: str, tmp_path: Path) -> None:
    content = text.replace("\n", "\r\n").encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    frame = read_source(tmp_path / name)[0]
    assert frame.to_dict("list") == {"file_loc": ["a.jpg", "b.jpg"], "label": ["ring", "bar"], "size": [0.5, 1]}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a.jpg ring\nb.jpg bar 1\n", ["line 2 has 2 fields for 3 names", "separator blanks", "Write NaN"]),
        ("a.jpg ring 1\nmy dir/b.jpg bar 1\n", ["line 3 has 4 fields for 3 names", "put quotes around text"]),
    ],
)
def test_fields_that_blanks_would_shift_are_refused(rows: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "c.dat").write_text("file_loc label size\n" + rows)
    with pytest.raises(CatalogError) as caught:
        read_source(tmp_path / "c.dat")
    assert all(word in str(caught.value) for word in words), caught.value


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
