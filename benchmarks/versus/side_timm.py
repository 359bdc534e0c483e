"""What a user without either package would write.

It is a plain PyTorch loop over a timm network, its data config and its transforms.
"""

import time
from itertools import pairwise
from typing import Any

import pandas as pd
import timm
import torch
from PIL import Image
from spec import Spec
from timm.data import create_transform, resolve_model_data_config
from torch import nn
from torch.utils.data import DataLoader, Dataset

BATCH = 32
WORKERS = 2


class Galaxies(Dataset[tuple[torch.Tensor, int]]):
    """Images and labels of some rows of a catalog."""

    def __init__(self, frame: pd.DataFrame, label: str, transform: Any) -> None:
        self.files, self.labels, self.transform = frame["file_loc"].tolist(), frame[label].tolist(), transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.open(self.files[row]).convert("RGB")), int(self.labels[row])


def fit(spec: Spec) -> dict[str, Any]:
    """Finetune with the loop that timm's users write."""
    torch.manual_seed(0)
    model = timm.create_model(spec.architecture, num_classes=spec.num_classes)
    if spec.trained == "head":
        model.requires_grad_(False)
        model.get_classifier().requires_grad_(True)
    config = resolve_model_data_config(model) | {"input_size": (3, 224, 224)}
    frame = pd.read_csv(spec.catalog).sample(frac=1, random_state=spec.split_seed)
    n_train, n_val = int(0.7 * len(frame)), int(0.1 * len(frame))
    train = Galaxies(frame[:n_train], spec.label, create_transform(**config, is_training=True))
    val = Galaxies(frame[n_train : n_train + n_val], spec.label, create_transform(**config))
    train_loader = DataLoader(train, BATCH, shuffle=True, num_workers=WORKERS)
    val_loader = DataLoader(val, BATCH, num_workers=WORKERS)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    loss = nn.CrossEntropyLoss()
    start = time.perf_counter()
    ends = [start]
    for _ in range(spec.epochs):
        model.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for images, labels in val_loader:
                loss(model(images), labels)
        ends.append(time.perf_counter())
    return {
        "fit_seconds": ends[-1] - start,
        "epoch_seconds": [after - before for before, after in pairwise(ends)],
    }
