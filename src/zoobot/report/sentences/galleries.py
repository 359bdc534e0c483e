"""Words of the galleries: which galaxies are shown, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoobot.report.sentences.table import Sentence, Words, always
from zoobot.report.words import count

if TYPE_CHECKING:
    from zoobot.report.extras import Listed
    from zoobot.report.galleries import About, Pictures


@dataclass(frozen=True)
class Gallery:
    """What the section of galleries shows.

    It says whether galaxies are as the model sees them, and how many predictions differ from the label.
    """

    preprocessed: bool
    wrong: int


SECTION: tuple[Sentence[Gallery], ...] = (
    Sentence("galleries.seen", lambda shown: shown.preprocessed, "Test galaxies, shown as the model sees them."),
    Sentence(
        "galleries.whole",
        lambda shown: not shown.preprocessed,
        "Test galaxies, shown whole: how the model sees them is not in this folder.",
    ),
    Sentence(
        "galleries.wrong",
        lambda shown: shown.wrong,
        "An orange frame and a cross mark predictions that differ from the label.",
    ),
)

NOTES: tuple[Sentence[Pictures], ...] = (
    Sentence(
        "pictures.failed",
        lambda pictures: pictures.failed,
        lambda pictures: (
            f"{count(len(pictures.failed), 'image')} could not be read and "
            f"{'is' if len(pictures.failed) == 1 else 'are'} shown as "
            f"{'a placeholder' if len(pictures.failed) == 1 else 'placeholders'}; the first: {pictures.failed[0]}"
        ),
    ),
    Sentence(
        "pictures.left_out",
        lambda pictures: pictures.left_out,
        lambda pictures: f"{count(pictures.left_out, 'more image')} left out, to keep this page small.",
    ),
)


def _title(key: str, text: str) -> tuple[Sentence[About], ...]:
    """Return the title of a gallery, with the name of what it shows in it."""
    return (Sentence(key, always, lambda shown: text.format(name=shown.name, question=shown.question)),)


CLASS_RIGHT = Words(title=_title("class_right.title", "Highest probabilities of “{name}”, labelled so"))
CLASS_WRONG = Words(title=_title("class_wrong.title", "Highest probabilities of “{name}”, labelled otherwise"))
LEAST_CERTAIN: Words[About] = Words(
    title=_title("least_certain.title", "Least certain"),
    caption=(
        Sentence(
            "least_certain.some",
            lambda shown: shown.shown < shown.total,
            lambda shown: (
                f"The {shown.shown} of {shown.total:,} galaxies whose most probable class has the lowest probability."
            ),
        ),
        Sentence(
            "least_certain.all",
            lambda shown: shown.shown == shown.total,
            "All galaxies, from the lowest probability of the most probable class up.",
        ),
    ),
)
LABEL_RIGHT = Words(title=_title("label_right.title", "Highest probabilities of “{name}”, labelled so"))
LABEL_NOT_SO = Words(title=_title("label_not_so.title", "Highest probabilities of “{name}”, labelled otherwise"))
LABEL_IS_SO = Words(title=_title("label_is_so.title", "Lowest probabilities of “{name}”, though labelled so"))
NUMBER_TOO_HIGH = Words(title=_title("number_too_high.title", "“{name}”: predicted most too high"))
NUMBER_TOO_LOW = Words(title=_title("number_too_low.title", "“{name}”: predicted most too low"))
NUMBER_HIGHEST = Words(title=_title("number_highest.title", "“{name}”: highest predictions"))
NUMBER_LOWEST = Words(title=_title("number_lowest.title", "“{name}”: lowest predictions"))
VOTES_HIGHEST = Words(title=_title("votes_highest.title", "{question}: highest predicted fraction of “{name}”"))
VOTES_ERRORS: Words[About] = Words(
    title=_title("votes_errors.title", "{question}: largest errors"),
    caption=(Sentence("votes_errors", always, lambda shown: f"Of galaxies with {shown.shown} votes or more."),),
)


def _listed(listed: Listed) -> str:
    return f"all {listed.total}" if listed.shown == listed.total else f"{listed.shown} of {listed.total:,}"


CHECK_LABELS: Words[Listed] = Words(
    title=(
        Sentence(
            "check_labels.title",
            always,
            lambda listed: f"Labels that disagree with predictions ({_listed(listed)})",
        ),
    ),
    caption=(
        Sentence(
            "check_labels.classes",
            lambda listed: not listed.numbers,
            "Galaxies whose label and prediction, by a model that was not trained on them, disagree most (confident "
            "learning, Northcutt et al. 2021), the largest disagreement first.",
        ),
        Sentence(
            "check_labels.numbers",
            lambda listed: listed.numbers,
            "Galaxies whose label lies more than 4 standard deviations from the prediction of a model that was not "
            "trained on them (robust standard deviation of the residuals), the farthest first.",
        ),
        Sentence(
            "check_labels.look",
            always,
            "Look at them before believing either: galaxies of a rare kind are found here too.",
        ),
    ),
)
CHECK_DUPLICATES: Words[Listed] = Words(
    title=(
        Sentence(
            "check_duplicates.title",
            always,
            lambda listed: f"Near-duplicates ({_listed(listed)} {'pair' if listed.total == 1 else 'pairs'})",
        ),
    ),
    caption=(
        Sentence("check_duplicates.what", always, "Images of the same galaxy, or nearly so, two by two."),
        Sentence(
            "check_duplicates.across",
            lambda listed: listed.across,
            "Those marked lie in different parts of the split.",
        ),
    ),
)
CHECK_IMAGES: Words[Listed] = Words(
    title=(Sentence("check_images.title", always, lambda listed: f"Images that look bad ({_listed(listed)})"),),
    caption=(
        Sentence("check_images", always, "Each with its fault and how much of the image it takes; the worst first."),
    ),
)
