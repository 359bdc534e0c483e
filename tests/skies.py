"""Made-up galaxies among neighbors in noise, and what a copy of an image may have gone through."""

import io

import numpy as np
from PIL import Image, ImageOps

WIDTH = 200


def galaxy(seed: int, *, smooth: bool = False) -> Image.Image:
    """A galaxy in noise among faint neighbors; ``smooth``: always the same one, in other noise and among others."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:WIDTH, :WIDTH] - WIDTH / 2
    width, ratio, angle = (18, 0.7, 0.4) if smooth else (rng.uniform(10, 25), rng.uniform(0.3, 1), rng.uniform(0, 3))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    light = np.exp(-np.hypot(along, across / ratio) / width)
    for _ in range(6):
        far, at, bright = rng.uniform(40, 90), rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.4)
        light += bright * np.exp(-0.5 * (((x - far * np.cos(at)) ** 2 + (y - far * np.sin(at)) ** 2) / 9))
    light += 0.04 * rng.normal(size=light.shape) + 0.1
    return Image.fromarray((255 * light.clip(0, 1)).astype(np.uint8)).convert("RGB")


def thumbnail(image: Image.Image, quality: int = 90) -> np.ndarray:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    small = Image.open(content).resize((64, 64), Image.Resampling.BILINEAR)
    return np.asarray(small).transpose(2, 0, 1)


CHANGES = {
    "copy": lambda image: thumbnail(image, 40),
    "rescaled": lambda image: thumbnail(image.resize((90, 90), Image.Resampling.LANCZOS)),
    "shifted": lambda image: thumbnail(image.transform(image.size, Image.Transform.AFFINE, (1, 0, 7, 0, 1, -5))),
    "rotated": lambda image: thumbnail(image.rotate(137, Image.Resampling.BICUBIC)),
    "quarter": lambda image: thumbnail(image.transpose(Image.Transpose.ROTATE_90)),
    "mirrored": lambda image: thumbnail(ImageOps.mirror(image).rotate(52, Image.Resampling.BICUBIC)),
}
