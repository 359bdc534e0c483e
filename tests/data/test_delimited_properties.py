"""Delimited text: what was written is read, whatever the separator, the encoding and the text."""

import csv
import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from zoobot.data.delimited import read_delimited
from zoobot.data.text import as_numbers, is_missing_text

TEXT = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=12)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and not is_missing_text(text) and not text.startswith("#"))
)
INFINITE = ("inf", "infinity")
NAMES = TEXT.filter(
    lambda text: (
        isinstance(as_numbers(pd.Series([text], dtype=object))[0], str) and text.lower().lstrip("+-") not in INFINITE
    )
)
NUMBERS = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-12)


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(NAMES, NUMBERS, st.integers(-(10**6), 10**6)), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_was_written_is_read(rows, separator, encoding, quoting):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=separator, quoting=quoting)
            writer.writerow(["file_loc", "name", "flux", "count"])
            writer.writerows([(f"{row}.jpg", *fields) for row, fields in enumerate(rows)])
        frame = read_delimited(path)
    assert list(frame) == ["file_loc", "name", "flux", "count"]
    assert frame["file_loc"].tolist() == [f"{row}.jpg" for row in range(len(rows))]
    assert frame["name"].tolist() == [name for name, _, _ in rows]
    assert frame["flux"].tolist() == [flux for _, flux, _ in rows]
    assert frame["count"].tolist() == [count for _, _, count in rows]
