"""Sentences about heat maps follow what was measured, with the sign, the digits and the count.

Sheets say what heat means.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from zoobot.data import Preprocessing
from zoobot.report import explained, sheet
from zoobot.report.explained import describe_maps, draw_explained
from zoobot.science import Reference
from zoobot.science.explanation import Explanation
from zoobot.science.masking import compare_masks


def explanation(n=16, hottest=1.0, center=0.5, random=0.1, score="the logit", scale=1.0, groups=None, **changes):
    """n galaxies whose scores fall by so much on average where quarters are hidden."""
    rng = np.random.default_rng(0)
    falls = [scale * (mean + 0.1 * rng.standard_normal(n)) for mean in (hottest, center, random)]
    heat = rng.random((n, 16, 16)).astype(np.float32)
    heat /= heat.max(axis=(1, 2), keepdims=True)
    found = Explanation(
        pd.DataFrame({"id_str": [f"g{place}" for place in range(n)], "ring_1": 0.5}),
        rng.random((n, 3, 16, 16)).astype(np.float32),
        heat,
        ["ring_1"] * n,
        np.zeros((n, 2), np.float32),
        maps="occlusion",
        cells=(8, 8),
        falls=np.ones((n, 8, 8), np.float32),
        largest=np.linspace(1, 2, n, dtype=np.float32),
        score=score,
        comparisons={hiding: compare_masks(*falls, groups=groups) for hiding in ("blur", "edge color")},
    )
    return replace(found, **changes)


@pytest.mark.parametrize(
    ("given", "said", "unsaid"),
    [
        (
            {},
            ("lowers the logit by", "The hottest quarter lowers it by 0.4",
                "more than the central quarter (95% interval",
             "more than random places", "(16 galaxies)", "p = 0.0005"),
            ("less than", "don't tell", "too few", "raises"),
        ),
        ({"hottest": 0.2}, ("less than the central quarter (95% interval 0.", "These galaxies don't tell"),
            ("too few",)),
        (
            {"hottest": 0.5},
            ("don't tell whether the hottest quarter lowers it more than the central quarter",
                "at most 0.01 is asked for",
             "more than random places (95%"),
            ("too few", "less than"),
        ),
        (
            {"hottest": -0.5, "center": -1.0, "random": -0.5},
            ("raises the logit by 0.5", "the central quarter raises it by 1.0", "0.4"),
            ("lowers the logit", "−0.5 on"),
        ),
        ({"n": 9}, ("9 galaxies are too few to tell these apart.",), ("interval", "p =", "don't tell")),
        ({"n": 1}, ("1 galaxy is too few to tell these apart.",), ("interval", "p =", "galaxies")),
        ({"score": "the prediction", "scale": 1e-3}, ("lowers the prediction by 0.00097", "interval 0.0004"),
            ("0.00 ", "0.000 ")),
    ],
)  # fmt: skip
def test_sentences_follow_what_was_measured(given, said, unsaid):
    blur, edge = describe_maps(explanation(**given))
    assert blur.startswith("Blurring the hottest quarter of each map ")
    quarter = "the hottest quarter of each map"
    assert edge.startswith(f"Filling {quarter} with the median color of the image's edge ")
    assert edge.split("edge ", 1)[1] == blur.removeprefix(f"Blurring {quarter} ")
    assert all(part in blur for part in said), blur
    assert not any(part in blur for part in unsaid), blur


def test_copies_are_counted_in_groups():
    said = describe_maps(explanation(n=24, groups=np.arange(24) // 2))[0]
    assert "on average (24 galaxies in 12 groups)" in said and "more than the central quarter" in said
    said = describe_maps(explanation(n=24, groups=np.arange(24) // 4))[0]
    assert said.endswith("24 galaxies in 6 groups are too few to tell these apart.")


def test_without_maps_nothing_is_said():
    assert describe_maps(explanation(maps=None, heat=None, cells=None, falls=None, largest=None, comparisons={})) == []


def drawn(found, folder, monkeypatch):
    """What each sheet is drawn with."""
    kept = []

    def keep(rows, *arguments, **named):
        kept.append((rows, named))
        return sheet.draw_sheet(rows, *arguments, **named)

    monkeypatch.setattr(explained, "draw_sheet", keep)
    for path in draw_explained(found, None, Preprocessing(image_size=16), folder):
        with Image.open(path) as image:
            image.verify()
    return kept


def test_occlusion_maps_share_a_scale_that_the_bar_tells(tmp_path, monkeypatch):
    found = explanation(n=10)
    kept = drawn(found, tmp_path, monkeypatch)
    assert len(kept) == 2
    heat = np.stack([panels[1].heat for rows, _ in kept for _, panels in rows])
    bar = kept[0][1]["bar"]
    np.testing.assert_allclose(heat * bar.top, found.heat * found.largest[:, None, None], rtol=1e-5)
    assert "fall of the logit" in bar.label and "8 x 8 cells" in kept[0][1]["title"]
    assert kept[1][1]["note"] == "\n".join(describe_maps(found))
    assert [panels[1].caption for _, panels in kept[1][0]] == [
        "ring_1\nlogit falls by up to 1.889",
        "ring_1\nlogit falls by up to 2.000",
    ]


def test_maps_without_heat_say_so_and_have_no_bar(tmp_path, monkeypatch):
    nothing = {"heat": np.zeros((2, 16, 16), np.float32), "largest": np.zeros(2, np.float32)}
    ((rows, named),) = drawn(explanation(n=2, **nothing), tmp_path, monkeypatch)
    assert named["bar"] is None and all(panels[1].caption == "ring_1\nlogit falls nowhere" for _, panels in rows)
    ((rows, named),) = drawn(explanation(n=2, maps="grad-cam", falls=None, **nothing), tmp_path, monkeypatch)
    assert named["bar"] is None and all("Grad-CAM: nothing for ring_1" in panels[1].caption for _, panels in rows)


def test_grad_cam_is_called_so_and_relative(tmp_path, monkeypatch):
    ((rows, named),) = drawn(explanation(n=3, maps="grad-cam", cells=(4, 4), falls=None), tmp_path, monkeypatch)
    assert "Grad-CAM (4 x 4 cells)" in named["title"] and "share of each map's maximum" in named["bar"].label
    assert named["bar"].top == 1 and max(panels[1].heat.max() for _, panels in rows) == 1


@pytest.mark.parametrize("labels", [["0", "1", "0"], ["", "", ""]])
def test_neighbors_have_the_labels_that_the_model_remembers(labels, tmp_path, monkeypatch):
    """It remembers none of several labels: that is not to say that the galaxies have none."""
    captions = []
    monkeypatch.setattr(
        explained, "draw_sheet", lambda rows, *_, **__: captions.extend(p.caption for _, own in rows for p in own[2:])
    )
    names = ["a", "b", "c"]
    reference = Reference.of(np.eye(3, dtype=np.float32), names, names, labels)
    found = explanation(n=1, features=np.array([[3.0, 2.0, 1.0]], np.float32))
    draw_explained(found, reference, Preprocessing(image_size=16), tmp_path, k=3)
    heads = [caption.split("\nsimilarity")[0] for caption in captions]
    assert heads == [f"{label}\n{name}" if label else name for name, label in zip(names, labels, strict=True)]
