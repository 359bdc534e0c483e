"""Labels, whatever they are: places lead back to what was written, however it was written and in whichever order."""

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st

from zoobot.data.labels import class_name, places_of, read_labels
from zoobot.data.sentinels import class_sentinels
from zoobot.data.text import is_missing_text

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8).filter(
    lambda text: class_name(text) == text and not is_missing_text(text) and text.strip() == text
)
SPELLINGS = (int, float, str, lambda value: f" {value}.0 ", lambda value: np.int16(value))


def catalog(values: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"id_str": [str(row) for row in range(len(values))], "label": values})


@st.composite
def whole_numbers(draw: st.DrawFn) -> list[int]:
    kinds = draw(st.lists(st.integers(-20, 60), min_size=2, max_size=6, unique=True))
    assume(not class_sentinels(kinds) and -1 not in kinds)
    return draw(st.permutations([*kinds, *draw(st.lists(st.sampled_from(kinds), max_size=20))]))


@given(whole_numbers(), st.sampled_from(SPELLINGS))
def test_whole_numbers_are_classes_in_numeric_order_however_they_are_written(values, spelled):
    labels = read_labels(catalog([spelled(value) for value in values]), "label", kind="classes")
    assert labels.classes == tuple(map(str, sorted(set(values))))
    assert [int(labels.classes[int(place)]) for place in labels.values[:, 0]] == values


@given(st.lists(NAMES, min_size=2, max_size=20))
def test_names_are_classes_and_places_lead_back_to_them(names):
    assume(not all(class_name(name).lstrip("+-").isdigit() for name in names))
    assume(pd.to_numeric(pd.Series(names), errors="coerce").isna().all())
    labels = read_labels(catalog(names), "label", kind="classes")
    assert labels.classes == tuple(sorted(set(names)))
    assert [labels.classes[int(place)] for place in labels.values[:, 0]] == names
    assert labels.counts() == {name: names.count(name) for name in labels.classes}


@given(whole_numbers(), st.randoms(use_true_random=False))
def test_the_order_of_galaxies_does_not_matter(values, random):
    order = random.sample(range(len(values)), len(values))
    labels = read_labels(catalog(values), "label", kind="classes")
    shuffled = read_labels(catalog([values[row] for row in order]), "label", kind="classes")
    assert shuffled.classes == labels.classes
    np.testing.assert_array_equal(shuffled.values, labels.values[order])


@given(whole_numbers())
def test_classes_that_a_model_knows_are_found_again(values):
    classes = read_labels(catalog(values), "label", kind="classes").classes
    some = catalog(values[:1])
    assert read_labels(some, "label", kind="classes", classes=classes).classes == classes
    assert places_of(some["label"], classes).tolist() == [classes.index(str(values[0]))]
    assert places_of(pd.Series([777]), classes).tolist() == [-1]
