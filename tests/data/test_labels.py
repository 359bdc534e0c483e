"""Labels: what kind they are, which classes there are, and what is refused or said of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.data.writers import WRITERS
from tests.galaxies import make_catalog

from zoobot.data import GalaxyDataModule
from zoobot.data.catalog import read_catalog
from zoobot.data.labels import check_values, class_name, infer_kind, places_of, read_labels, sentinel_note
from zoobot.data.sentinels import find_sentinels
from zoobot.data.splits import group_notes
from zoobot.data.tables import read_source
from zoobot.data.unlabelled import leave_out_unlabelled
from zoobot.errors import LabelError


def frame_of(values: list[Any], column: str = "l") -> pd.DataFrame:
    return pd.DataFrame({"id_str": [f"g{place}" for place in range(len(values))], column: values})


@pytest.mark.parametrize(
    ("values", "classes", "places"),
    [
        (["S", "E", "S"], ("E", "S"), [1, 0, 1]),
        (["ring ", " ring", "bar"], ("bar", "ring"), [1, 1, 0]),
        (["ring\u00a0", "\u3000ring", "bar\u200b"], ("bar", "ring"), [1, 1, 0]),
        ([0, 1, 1], ("0", "1"), [0, 1, 1]),
        ([1, 2, 2], ("1", "2"), [0, 1, 1]),
        ([101, 205, 101], ("101", "205"), [0, 1, 0]),
        ([2020.0, 2019.0, 2020.0], ("2019", "2020"), [1, 0, 1]),
        ([0, 2**53, 0], ("0", "9007199254740992"), [0, 1, 0]),
        ([2**62, 2**62 + 1, 2**62], ("4611686018427387904", "4611686018427387905"), [0, 1, 0]),
        ([10, -5, 2], ("-5", "2", "10"), [2, 0, 1]),
        (["10", "-5", "2"], ("-5", "2", "10"), [2, 0, 1]),
        ([-1, 1, -1], ("-1", "1"), [0, 1, 0]),
        ([True, False, True], ("0", "1"), [1, 0, 1]),
        (["True", "FALSE", "true"], ("0", "1"), [1, 0, 1]),
    ],
)
def test_classes_are_those_that_occur(values: list[Any], classes: tuple[str, ...], places: list[int]) -> None:
    for given in (values, pd.Series(values, dtype=object), pd.Series(values).astype("category")):
        labels = read_labels(frame_of(list(given)), "l")
        assert labels.kind == "classes"
        assert labels.classes == classes
        assert labels.values[:, 0].tolist() == places
        assert labels.strata().tolist() == places
        assert labels.counts() == {name: places.count(place) for place, name in enumerate(classes)}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "values", [["a", "b", "a", "b"], [0, 1, 1, 0], [1, 2, 1, 2], [True, False, True, True], [1.0, 2.0, 2.0, 1.0]]
)
def test_every_format_gives_the_same_labels(writer: str, values: list[Any], tmp_path: Path) -> None:
    source = WRITERS[writer]({"file_loc": [f"{place}.jpg" for place in range(4)], "l": values}, tmp_path)
    labels = read_labels(read_catalog(source, check_files=False), "l")
    expected = read_labels(frame_of(values), "l")
    assert (labels.kind, labels.classes) == (expected.kind, expected.classes)
    np.testing.assert_array_equal(labels.values, expected.values)


@pytest.mark.parametrize("classes", [("1", "2"), ("2", "1"), ("0", "1", "2")])
@pytest.mark.parametrize("written", [[1, 2, 2], [1.0, 2.0, 2.0], ["1", "2", "2"], ["1.0", " 2", "2.0"]])
def test_the_order_of_known_classes_holds_however_labels_are_written(
    classes: tuple[str, ...], written: list[Any]
) -> None:
    labels = read_labels(frame_of(written), "l", kind="classes", classes=classes)
    assert [classes[int(place)] for place in labels.values[:, 0]] == ["1", "2", "2"]
    assert places_of(pd.Series(written), classes).tolist() == labels.values[:, 0].tolist()


def test_names_that_look_like_numbers_are_found_as_they_stand() -> None:
    assert places_of(pd.Series(["007", "7", "x"]), ["007", "7"]).tolist() == [0, 1, -1]
    assert places_of(pd.Series([True, False]), ["False", "True"]).tolist() == [1, 0]
    assert class_name("12345678901234567891.0") != class_name("12345678901234567891")


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"a": ["x", "y", None]}, "classes"),
        ({"a": [0, 1, 2]}, "classes"),
        ({"a": [-5, 3, None]}, "classes"),
        ({"a": [0.5, 1, 2]}, "numbers"),
        ({"a": list(range(51))}, "numbers"),
        ({"a": [0, 1, 1], "b": [1, 1, None]}, "flags"),
        ({"a": [0, 1, 2], "b": [1, 1, 1]}, "numbers"),
        ({"a": ["0.5", "1", "n/a"]}, "numbers"),
    ],
)
def test_the_kind_is_found(columns: dict[str, list[Any]], kind: str) -> None:
    assert infer_kind(pd.DataFrame(columns), list(columns)) == kind


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, np.nan, 0.0], {}, r"1 of 3 galaxies have no label \(empty or NaN\) in column 'l': g1"),
        (["a", "NA", "b"], {}, "1 of 3 galaxies have no label .*None mean that a label is missing"),
        ([1.0, np.inf, 0.0], {"kind": "numbers"}, "an infinite label in column 'l': g1"),
        ([1.0, np.inf, 0.0], {"kind": "classes"}, "an infinite label in column 'l': g1"),
        ([1.0, 0.5, 0.0], {"kind": "classes"}, "a fractional class in column 'l': g1"),
        (
            ["a", "c", "b"],
            {"kind": "classes", "classes": ("a", "b")},
            r"a class that is not one of \['a', 'b'\] in column 'l': g1 \(c\)",
        ),
        (["a", "b", "a"], {"kind": "numbers"}, "holds names"),
        ([0, 1, -1], {}, r"1 of 3 galaxies have a negative class in column 'l': g2 \(-1\).*counted from 0"),
        ([0, 1, -99], {}, r"1 of 3 galaxies have a class that stands for 'no label', -99, in column 'l': g2"),
        ([1, 2, 999, 999], {}, r"2 of 4 galaxies have a class that stands for 'no label', 999, in column 'l': g2"),
        (
            ["ring", "-99", "bar"],
            {},
            r"1 of 3 galaxies have a class that stands for 'no label', -99, in column 'l': g1",
        ),
    ],
)
def test_labels_that_are_none_are_named(values: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        read_labels(frame_of(values), "l", **options)


@pytest.mark.parametrize("kind", [None, "classes", "numbers"])
@pytest.mark.parametrize(
    ("values", "what"),
    [
        (pd.to_datetime(["2020", "2021", None]), "Timestamp"),
        ([1 + 2j, 2j, None], "complex"),
        ([["a"], ["b"], "c"], "list"),
    ],
)
def test_labels_that_are_no_names_or_numbers_are_refused(values: Any, what: str, kind: Any) -> None:
    with pytest.raises(LabelError, match=rf"label column 'l' holds {what} .*names or numbers were expected"):
        read_labels(frame_of(list(values)), "l", kind=kind)


def test_classes_that_differ_in_spelling_are_said() -> None:
    (said,) = check_values(frame_of(["ring", "Ring", "ring ", "bar"]), ["l"], "classes")
    assert "'Ring' (1 galaxies), 'ring' (2 galaxies)" in said
    assert check_values(frame_of(["ring", "rings", "bar"]), ["l"], "classes") == []


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["999", "99", "9999.0", "-1", "1e20", "2147483647", "99.9"])
def test_classes_that_are_numbers_among_names_are_said(name: str, writer: str, tmp_path: Path) -> None:
    labels = ["ring", name, "bar", name, "ring", name]
    frame = read_source(WRITERS[writer]({"file_loc": [f"{row}.jpg" for row in range(6)], "l": labels}, tmp_path))[0]
    (said,) = check_values(frame, ["l"], "classes")
    assert f"'no label': '{name}' (3 galaxies)" in said
    assert "leave those labels blank" in said


@pytest.mark.parametrize("name", ["0", "1", "9", "98", "inf", "2019", "99 arcsec"])
def test_other_numbers_among_names_are_classes(name: str) -> None:
    assert check_values(frame_of(["ring", name, "bar"]), ["l"], "classes") == []


RNG = np.random.default_rng(3)
MEASURED = {
    "redshift": RNG.uniform(0, 1, 200), "magnitude": RNG.normal(18, 2, 200), "flux": RNG.lognormal(3, 2, 200),
    "asymmetry": RNG.normal(0.02, 0.1, 200), "counts": RNG.poisson(4, 200).astype(float),
    "bar, often none": np.where(RNG.random(200) < 0.4, 0, RNG.uniform(0.3, 0.9, 200)),
    "rounded": RNG.lognormal(0, 1, 200).round(1), "velocity": RNG.normal(0, 300, 200),
    "percent": RNG.uniform(0, 100, 200).round(),
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_measurements_hold_no_sentinels(name: str) -> None:
    for unit in (1, 1e-30, 1e30):
        assert find_sentinels(MEASURED[name] * unit) == []
        assert find_sentinels(-MEASURED[name] * unit) == []


@pytest.mark.parametrize("value", [-99.0, -999.0, -9999.0, -99.9, 99999.0, 1e20, -1e30, -(2.0**63), 2.0**31 - 1])
@pytest.mark.parametrize("name", sorted(set(MEASURED) - {"velocity"}))
def test_repeated_sentinels_are_refused_with_their_number(name: str, value: float) -> None:
    values = np.append(MEASURED[name], [value] * 3)
    (found,) = find_sentinels(values)
    assert (found.value, found.count, found.is_certain) == (value, 3, True)
    with pytest.raises(
        LabelError, match=r"3 of 203 galaxies have a value that stands for 'not measured', .*\(3 times\)"
    ):
        check_values(frame_of(list(values)), ["l"], "numbers")


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (np.append(MEASURED["redshift"], -9999), 1),  # once
        (np.append(MEASURED["velocity"], [-99] * 4), 4),  # among the others
        (np.append(MEASURED["redshift"], [-1] * 4), 4),
        (np.append(MEASURED["magnitude"], [-1000] * 4), 4),
    ],
)
def test_suspected_sentinels_are_said(values: np.ndarray, count: int) -> None:
    (said,) = check_values(frame_of(list(values)), ["l"], "numbers")
    assert f"({count} times)" in said


@pytest.mark.parametrize("other", [-1, 9, 2, 0.5])
def test_columns_of_0_and_1_with_a_few_other_values_are_said(other: float) -> None:
    """A few galaxies whose label is not known make measurements of what are independent labels."""
    frame = frame_of([0, 1] * 20).assign(m=[1, *[0, 1, 1] * 13])
    frame["m"] = frame["m"].mask(frame.index % 20 == 0, other)
    assert infer_kind(frame, ["l", "m"]) == "numbers"
    said = [one for one in check_values(frame, ["l", "m"], "numbers") if "0 and 1" in one]
    assert len(said) == 1
    assert f"l, m hold 0 and 1, but for {other:g} (2 galaxies) in 'm'" in said[0]
    assert check_values(frame.assign(m=1 - frame["l"]), ["l", "m"], "flags") == []
    assert check_values(frame.assign(m=frame.index / 7), ["l", "m"], "numbers") == []
    assert check_values(frame.assign(m=frame.index % 5), ["l", "m"], "numbers") == []


def test_groups_that_are_none_are_said() -> None:
    said = group_notes(pd.Series([1, 2, -99, -99, None, 2], name="tile"))
    assert "1 of 6 galaxies have no group" in said[0]
    assert "2 galaxies have the group -99" in said[1]
    assert group_notes(pd.Series([1, 2, 99, 99, 98], name="tile")) == []


def test_galaxies_without_a_label_in_each_column_are_left_out_and_counted() -> None:
    frame = frame_of([1, 0, None, 1]).assign(m=["0", "NA", "1", "1"])
    rest, notes = leave_out_unlabelled(frame, ["l", "m"])
    assert rest["id_str"].tolist() == ["g0", "g3"]
    assert notes == ["2 of 4 galaxies have no label in one or more of l, m, and are left out."]
    assert leave_out_unlabelled(rest, ["l", "m"]) == (rest, [])
    with pytest.raises(LabelError, match="4 of 4 galaxies have no label"):
        leave_out_unlabelled(frame.assign(l=None), ["l"])


def test_galaxies_without_a_vote_are_left_out_and_counted() -> None:
    frame = frame_of([3.0, 0, 0, 2]).assign(m=[0.0, 0, 1, 4])
    assert leave_out_unlabelled(frame, ["l", "m"], votes=True)[1] == [
        "1 of 4 galaxies have no votes, and are left out."
    ]
    (said,) = check_values(frame, ["l", "m"], "votes")
    assert said.startswith("1 of 4 galaxies have no votes")
    assert check_values(frame[frame.index != 1], ["l", "m"], "votes") == []


def test_sentinels_of_a_column_that_is_no_label_are_said() -> None:
    column = pd.Series([*MEASURED["redshift"], -9999, -9999, -9999], name="redshift")
    (said,) = sentinel_note(column, "They are in the bins as they are")
    assert "'redshift'" in said and "-9999 (3 times). They are in the bins" in said
    assert sentinel_note(column[:200], "") == sentinel_note(pd.Series(["a", "b", "-99"]), "") == []


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_every_catalog_of_a_data_module_is_looked_at(part: str, tmp_path: Path) -> None:
    make_catalog(tmp_path, 90)
    whole = read_catalog(tmp_path / "catalog.csv").assign(size=RNG.uniform(0, 1, 90))
    parts = {
        name: whole[place : place + 30].copy()
        for place, name in zip((0, 30, 60), ("train", "val", "test"), strict=True)
    }
    parts[part].loc[parts[part].index[:1], "size"] = -99.0
    datamodule = GalaxyDataModule("size", **{f"{name}_catalog": frame for name, frame in parts.items()})
    datamodule.read_catalogs()
    assert any("-99 (1 times)" in note for note in datamodule.notes)
    parts[part].loc[parts[part].index[:3], "size"] = -99.0
    with pytest.raises(LabelError, match=r"3 of 30 galaxies .*-99 \(3 times\), in column 'size'"):
        GalaxyDataModule("size", **{f"{name}_catalog": frame for name, frame in parts.items()}).read_catalogs()
