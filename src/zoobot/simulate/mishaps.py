"""What goes wrong in images.

It is satellite trails, chip gaps, borders of exposures, sloping backgrounds and stars with diffraction spikes.
"""

import torch
from torch import Tensor

from zoobot.simulate.galaxy import Columns


def _places(size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    axis = (torch.arange(size, device=like.device) + 0.5) / size - 0.5
    return axis[None, None, :], axis[None, :, None]


def _some(mask: Tensor) -> Tensor:
    return mask.nonzero()[:, 0]


def _how(marks: Columns, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return angle, place and strength of some mishaps, (image, 1, 1)."""
    some = marks.pick(chosen).broad()
    return some["angle"], some["place"], some["strength"]


def add_light(images: Tensor, marks: Columns, noise: Tensor, size: int) -> None:
    """Add, in place and before they are blurred, trails and stars with diffraction spikes to images.

    Images are (galaxy, band, canvas, canvas).

    Parameters
    ----------
    images
        Nanomaggies a pixel.
    marks
        `zoobot.simulate.observe.View.mishaps`, (galaxy,) each.
    noise
        The sky's standard deviation in a pixel, (galaxy, band): trails are some times as bright.
    size
        Width of the image, the middle of the canvas, in pixels.
    """
    canvas = images.shape[-1]
    x, y = (axis * canvas / size for axis in _places(canvas, images))
    chosen = _some(marks["trail"] > 0)
    if len(chosen):
        angle, place, strength = _how(marks, chosen)
        turn = torch.pi * angle
        off = x * turn.sin() - y * turn.cos() - 0.7 * (place - 0.5)
        line = torch.exp(-0.5 * (off * size / 0.45) ** 2)
        bright = noise[chosen] * (3 + 25 * strength[:, :, 0] ** 2)
        bright = bright * (
            torch.arange(images.shape[1], device=images.device) == (7 * place[:, :, 0]).long() % images.shape[1]
        )
        images[chosen] += bright[:, :, None, None] * line[:, None]
    chosen = _some(marks["bright_star"] > 0)
    if len(chosen):
        angle, place, strength = _how(marks, chosen)
        turn = 2 * torch.pi * place
        across, down = x - (0.25 + 0.3 * angle) * turn.cos(), y - (0.25 + 0.3 * angle) * turn.sin()
        turn = 0.3 * angle
        along, aside = (across * turn.cos() + down * turn.sin()).abs(), (down * turn.cos() - across * turn.sin()).abs()
        pixel = 0.7 / size
        reach = 0.04 + 0.1 * strength
        spikes = sum(
            torch.exp(-one / reach) * torch.exp(-0.5 * (other / pixel) ** 2) / (0.004 + one)
            for one, other in ((along, aside), (aside, along))
        )
        distance = torch.hypot(across, down)
        halo = 10 * torch.exp(-0.5 * (distance / 0.012) ** 2) + 0.05 / (distance + 0.02) * torch.exp(
            -distance / (2 * reach)
        )
        bright = noise[chosen] * (40 + 900 * strength[:, :, 0] ** 3) / size
        tint = 1 + 0.35 * torch.sin(6 * angle[:, :, 0] + torch.arange(images.shape[1], device=images.device))
        images[chosen] += (bright * tint)[:, :, None, None] * (0.5 * spikes + 40 * halo)[:, None]


def spoil(images: Tensor, marks: Columns, noise: Tensor) -> None:
    """Spoil, in place and after noise was added, images (galaxy, band, size, size).

    They get gaps, borders and sloping backgrounds.

    Parameters
    ----------
    images
        Nanomaggies a pixel.
    marks
        As for `add_light`.
    noise
        The sky's standard deviation in a pixel, (galaxy, band).
    """
    size, n_bands = images.shape[-1], images.shape[1]
    x, y = _places(size, images)
    bands = torch.arange(n_bands, device=images.device)
    for name in ("background", "edge", "gap"):
        chosen = _some(marks[name] > 0)
        if not len(chosen):
            continue
        angle, place, strength = _how(marks, chosen)
        turn = 2 * torch.pi * angle
        along = x * turn.cos() + y * turn.sin()
        tint = (0.5 + torch.sin(9 * place[:, :, 0] + 2 * bands)).clamp_min(0)
        if name == "background":
            bright = noise[chosen] * tint * (0.3 + 2 * strength[:, :, 0] ** 2)
            images[chosen] += bright[:, :, None, None] * (0.5 + along)[:, None]
        elif name == "edge":
            upright = torch.where(angle > 0.5, x + 0 * y, y + 0 * x)
            beyond = upright > 0.15 + 0.3 * (place - 0.3)
            bright = noise[chosen] * tint * (0.5 + 2 * strength[:, :, 0])
            images[chosen] += bright[:, :, None, None] * beyond[:, None]
        else:
            upright = torch.where(angle > 0.5, x + 0 * y, y + 0 * x)
            missing = (upright - (place - 0.5)).abs() < 0.01 + 0.05 * strength**2
            hit = (bands == (11 * place[:, :, 0]).long() % n_bands) | (angle[:, :, 0] < 0.3)
            images[chosen] *= ~(missing[:, None] & hit[:, :, None, None])
