"""A decision tree as a picture: questions from left to right, answers on the lines that lead to the next question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from zoobot.trees.questions import Question

COLUMN, ROW = 3.4, 0.62
"""Inches a step of depth takes, and a question"""

BOX = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "0.35", "linewidth": 0.8}
LINES = ("#3b6fb6", "#c8553d", "#4a8f5b", "#8a63a8", "#b58a2b", "#4aa3a8")


def plot(questions: Sequence[Question], title: str, ax: Axes | None = None) -> Axes:
    """Draw a tree and give the axes; see `Schema.plot`."""
    from matplotlib.figure import Figure

    depth = _depths(questions)
    place = _places(questions, depth)
    if ax is None:
        size = (COLUMN * (max(depth.values()) + 1), max(2.0, ROW * (max(row for _, row in place.values()) + 1.6)))
        ax = Figure(figsize=size, layout="constrained").subplots()
    for question in questions:
        for number, parent in enumerate(_leading_answers(questions, question).items()):
            color = LINES[(int(place[question.text][1]) + number) % len(LINES)]
            _connect(ax, place[parent[0]], place[question.text], ", ".join(parent[1]), color)
    for question in questions:
        _box(ax, place[question.text], question)
    ax.set_xlim(-0.05, max(depth.values()) + 1)
    ax.set_ylim(max(row for _, row in place.values()) + 0.8, -0.8)
    ax.set_title(title, fontsize=10, loc="left", parse_math=False)
    ax.axis("off")
    return ax


def _box(ax: Axes, at: tuple[float, float], question: Question) -> None:
    """Write a question and below it its answers, in a frame."""
    from matplotlib.offsetbox import AnnotationBbox, TextArea, VPacker

    answers = " · ".join(answer.name for answer in question.answers)
    lines: list[Artist] = [
        TextArea(question.text, textprops={"fontsize": 8, "weight": "bold", "parse_math": False}),
        TextArea(_shortened(answers), textprops={"fontsize": 6.5, "color": "0.3", "parse_math": False}),
    ]
    packed = VPacker(children=lines, align="left", pad=0, sep=2)
    ax.add_artist(AnnotationBbox(packed, at, box_alignment=(0, 0.5), pad=0.3, bboxprops=BOX))


def _connect(ax: Axes, start: tuple[float, float], end: tuple[float, float], answers: str, color: str) -> None:
    """Draw a curve from a question to one that follows, with the answers that lead there written before its end."""
    (x0, y0), (x1, y1) = (start[0] + 0.02, start[1]), end
    bend = "arc,angleA=0,angleB=180,armA=62,armB=28,rad=12"
    arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 0.9, "connectionstyle": bend}
    ax.annotate("", (x1 - 0.01, y1), (x0, y0), zorder=1, arrowprops=arrow)
    ax.text(
        x1 - 0.03, y1 - 0.08, answers, ha="right", va="bottom", fontsize=6.5, color=color, zorder=2, parse_math=False
    )  # fmt: skip


def _leading_answers(questions: Sequence[Question], question: Question) -> dict[str, list[str]]:
    """Return the questions before one, and the answers of each that lead to it."""
    leading: dict[str, list[str]] = {}
    for before in questions:
        answers = [answer.name for answer in before.answers if answer.text in question.asked_after]
        if answers:
            leading[before.text] = answers
    return leading


def _depths(questions: Sequence[Question]) -> dict[str, int]:
    """Return how many questions come before each one, at most."""
    named = {question.text: question for question in questions}
    depth: dict[str, int] = {}

    def of(question: Question) -> int:
        if question.text not in depth:
            before = [of(named[text]) for text in _leading_answers(questions, question)]
            depth[question.text] = 1 + max(before, default=-1)
        return depth[question.text]

    for question in questions:
        of(question)
    return depth


def _places(questions: Sequence[Question], depth: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Return where each question stands: its depth, and a row of its own, below those that lead to it."""
    order: list[str] = []

    def add(question: Question) -> None:
        if question.text in order:
            return
        order.append(question.text)
        for following in questions:
            if question.text in _leading_answers(questions, following):
                add(following)

    for question in questions:
        if not question.asked_after:
            add(question)
    return {text: (float(depth[text]), float(row)) for row, text in enumerate(order)}


def _shortened(text: str, most: int = 58) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
