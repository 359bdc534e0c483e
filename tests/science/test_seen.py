"""A model's galaxies are known again by file, name and picture; others are not, even where names coincide."""

import json
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from tests.skies import CHANGES, galaxy, thumbnail

from zoobot.errors import CatalogError, ModelFileError
from zoobot.layout import MEMORY_FILE
from zoobot.science import Memory, find_seen
from zoobot.science import memory as memory_module
from zoobot.science.memory import choose_pictured

N = 60
ROLES = ["train"] * 40 + ["val"] * 8 + ["test"] * 12
IDS = [f"g{k}" for k in range(N)]


def digests_of(*numbers: int) -> np.ndarray:
    """Return made-up digests; 0 is one that is not known."""
    return np.array([(number, 0) for number in numbers], np.uint64)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.stack([thumbnail(galaxy(seed)) for seed in range(N)])


@pytest.fixture(scope="module")
def memory(pictures) -> Memory:
    return Memory.of(
        IDS, [f"/old/{name}.jpg" for name in IDS], ROLES, digests_of(*range(1, N + 1)), np.arange(N), pictures
    )


def new_pictures(count: int) -> np.ndarray:
    return np.stack([thumbnail(galaxy(1000 + seed)) for seed in range(count)])


def test_the_same_files_are_known_with_their_part(memory, pictures):
    seen = find_seen(memory, [f"other_{k}" for k in range(N)], digests_of(*range(1, N + 1)), pictures)
    assert seen.counts() == {"train": 40, "val": 8, "test": 12, "new": 0}
    assert seen.learned.tolist() == [True] * 48 + [False] * 12
    assert len(seen.namesakes) == 0
    frame = pd.DataFrame({"id_str": [f"other_{k}" for k in range(N)], "file_loc": "new.jpg"})
    table = seen.table(frame, memory)
    assert table["known_id_str"].tolist() == IDS
    assert table["role"].tolist() == ROLES
    assert set(table["how"]) == {"same file"}
    assert (table["similarity"] == 1).all()
    assert table["known_file_loc"][3] == "/old/g3.jpg"


def test_changed_copies_under_new_names_are_known(memory):
    copies = np.stack([change(galaxy(7 * k)) for k, change in enumerate(CHANGES.values())])
    own = np.concatenate([new_pictures(10), copies])
    seen = find_seen(memory, [f"n{k}" for k in range(len(own))], digests_of(*range(101, 101 + len(own))), own)
    assert seen.rows.tolist() == list(range(10, len(own)))
    assert seen.known.tolist() == [7 * k for k in range(len(CHANGES))]
    table = seen.table(pd.DataFrame({"id_str": np.arange(len(own)).astype(str), "file_loc": ""}), memory)
    assert set(table["how"]) == {"near copy"}
    assert table["similarity"].between(0.88, 1).all()


def test_other_galaxies_with_the_same_names_are_not_known(memory):
    seen = find_seen(memory, IDS[:20], digests_of(*range(101, 121)), new_pictures(20))
    assert seen.counts()["new"] == 20
    assert seen.namesakes.tolist() == list(range(20))
    assert not seen.learned.any()


def test_a_name_counts_where_pictures_can_not_contradict(memory, pictures):
    blank = np.zeros_like(pictures[:5])
    seen = find_seen(memory, IDS[:5], digests_of(0, 0, 0, 0, 0), blank)
    assert seen.counts()["train"] == 5
    assert np.isnan(seen.similarity).all()
    # most of those that can be compared are others: then these are as well
    some = np.concatenate([new_pictures(5), blank])
    seen = find_seen(memory, IDS[:10], digests_of(*[0] * 10), some)
    assert seen.counts()["new"] == 10
    assert seen.namesakes.tolist() == list(range(10))
    # most of those that can be compared are the same: then these are as well
    some = np.concatenate([pictures[:4], new_pictures(1), blank])
    seen = find_seen(memory, IDS[:10], digests_of(*[0] * 10), some)
    assert seen.counts() == {"train": 9, "val": 0, "test": 0, "new": 1}
    assert seen.namesakes.tolist() == [4]


def blob(seed: int) -> Image.Image:
    """A small bright galaxy in little noise, which compression takes away."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :48] - 23.5
    angle, ratio = rng.uniform(0, np.pi), rng.uniform(0.2, 0.9)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    light = np.exp(-0.5 * (along**2 + (across / ratio) ** 2) / rng.uniform(5, 9) ** 2) + rng.normal(0, 0.03, x.shape)
    return Image.fromarray((255 * light.clip(0, 1)).astype(np.uint8)).convert("RGB")


def test_pictures_compressed_out_of_recognition_are_known_by_name():
    pictures = np.stack([thumbnail(blob(seed), 95) for seed in range(20)])
    memory = Memory.of(IDS[:20], IDS[:20], ["train"] * 20, digests_of(*range(1, 21)), np.arange(20), pictures)
    crushed = np.stack([thumbnail(blob(seed), 30) for seed in range(20)])
    unknown = digests_of(*[0] * 20)
    assert find_seen(memory, [f"n{k}" for k in range(20)], unknown, crushed).counts()["new"] > 15
    assert find_seen(memory, IDS[:20], unknown, crushed).counts()["train"] == 20
    others = np.stack([thumbnail(blob(seed), 30) for seed in range(100, 120)])
    assert find_seen(memory, IDS[:20], unknown, others).counts()["new"] == 20


def test_the_part_that_tells_most_counts(pictures):
    twice = np.concatenate([pictures[:3], pictures[:3], pictures[:3]])
    roles = ["test"] * 3 + ["val", "train", "test", "train", "val", "test"]
    memory = Memory.of(
        [str(k) for k in range(9)], ["x"] * 9, roles, digests_of(1, 2, 3, 1, 2, 3, 4, 5, 6), np.arange(9), twice
    )
    seen = find_seen(memory, ["a", "b", "c"], digests_of(1, 2, 3), pictures[:3])
    assert seen.counts() == {"train": 2, "val": 0, "test": 1, "new": 0}


def test_many_files_of_one_content_stay_quick(memory):
    n = 3000  # of a placeholder: joined as they are, nine million pairs
    blank = np.zeros((n, 1, 64, 64), np.uint8)
    many = Memory.of([str(k) for k in range(n)], ["x"] * n, ["train"] * n, digests_of(*[7] * n), np.arange(n), blank)
    seen = find_seen(many, [f"n{k}" for k in range(n)], digests_of(*[7] * n), blank)
    assert seen.counts()["train"] == n
    assert len(seen.rows) == n


def test_nothing_to_compare(memory, pictures):
    none = Memory.of([], [], [], np.empty((0, 2), np.uint64), np.empty(0, np.int64), pictures[:0])
    assert find_seen(none, ["a"], digests_of(1), pictures[:1]).counts() == {"train": 0, "val": 0, "test": 0, "new": 1}
    with pytest.raises(CatalogError, match="1 ids, 2 digests"):
        find_seen(memory, ["a"], digests_of(1, 2), pictures[:1])
    with pytest.raises(CatalogError, match="1 roles"):
        Memory.of(["a", "b"], ["x", "y"], ["train"], digests_of(1, 2), np.empty(0, np.int64), pictures[:0])


def test_memory_is_kept_whole_and_small(memory, pictures, tmp_path):
    path = memory.save(tmp_path)
    again = Memory.load(tmp_path)
    assert again.ids == IDS
    assert again.file_locs == memory.file_locs
    np.testing.assert_array_equal(again.roles, memory.roles)
    np.testing.assert_array_equal(again.digests, memory.digests)
    np.testing.assert_array_equal(again.pictures, np.rint(pictures.mean(axis=1, keepdims=True)))
    assert path.stat().st_size < N * 3500
    assert Memory.load(tmp_path / "nowhere") is None


def test_pictures_of_learned_galaxies_come_first(monkeypatch):
    monkeypatch.setattr(memory_module, "MOST_PICTURES", 45)
    assert set(choose_pictured(ROLES)) < set(range(48))
    monkeypatch.setattr(memory_module, "MOST_PICTURES", 50)
    chosen = choose_pictured(ROLES)
    assert set(range(48)) < set(chosen)
    assert chosen.tolist() == sorted(chosen)
    assert len(chosen) == 50


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: tensors | {"roles": tensors["roles"] + 7},
        lambda tensors: tensors | {"roles": tensors["roles"][1:]},
        lambda tensors: tensors | {"pictured": tensors["pictured"] + 1},
        lambda tensors: tensors | {"pictured": tensors["pictured"][::-1].copy()},
        lambda tensors: {name: one for name, one in tensors.items() if name != "digests"},
        lambda tensors: tensors | {"names": tensors["names"][:-9]},
        lambda tensors: tensors | {"names": packed(json.dumps([IDS, IDS[1:]]).encode())},
        lambda tensors: tensors | {"pictures": packed(bytes(10))},
        lambda tensors: tensors | {"pictures": packed(bytes(10**8))},
    ],
)
def test_damaged_memory_is_one_message(spoil, memory, tmp_path):
    memory.save(tmp_path)
    save_file(spoil(load_file(tmp_path / MEMORY_FILE)), tmp_path / MEMORY_FILE)
    with pytest.raises(ModelFileError, match="finetune again"):
        read_all(tmp_path)


def read_all(folder) -> tuple[list[str], np.ndarray]:
    memory = Memory.load(folder)
    return memory.ids, memory.pictures


def packed(content: bytes) -> np.ndarray:
    return np.frombuffer(zlib.compress(content), np.uint8)


@pytest.mark.parametrize("other", ["rings/test.csv", "sdss_gz1/test.csv", "gz2_votes/test.csv"])
def test_real_galaxies_of_the_same_and_of_other_surveys_are_told_apart(other, real_data):
    from zoobot.data import Preprocessing, read_catalog
    from zoobot.predictions.memory import memory_of, seen_by
    from zoobot.predictions.thumbnails import make_thumbnails

    train = read_catalog(real_data / "rings" / "train.csv").assign(part="train")
    test = read_catalog(real_data / other).head(200)
    memory = memory_of(train, Preprocessing(), num_workers=0)
    thumbnails, _, _ = make_thumbnails(test["file_loc"].tolist(), Preprocessing(), num_workers=0)
    for names in (test["id_str"], train["id_str"].head(len(test)).tolist()):
        seen = seen_by(memory, test.assign(id_str=names), thumbnails)
        assert seen.counts() == {"train": 0, "val": 0, "test": 0, "new": len(test)}
