"""Train the demo network with torch and write `digits.onnx` beside this file.

    python examples/digits/train.py            # needs the extra `torch`; about a minute on one core

A small residual network: two residual blocks with a strided convolution between them, batch norm kept in the
exported graph, so that the compiler has it to fold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from data import Split, load_split
from export import write_onnx
from torch import nn
from torch.nn import functional as F

SEED = 0
EPOCHS = 60
BATCH = 64
PEAK_RATE = 0.01
MODEL = Path(__file__).with_name("digits.onnx")


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut around both."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + x)


class DigitsNet(nn.Module):
    """[N, 1, 8, 8] -> logits [N, 10]. `export.write_onnx` states the same graph in ONNX."""

    def __init__(self, narrow: int = 16, wide: int = 32):
        super().__init__()
        self.stem = nn.Conv2d(1, narrow, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(narrow)
        self.block1 = ResidualBlock(narrow)
        self.down = nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False)
        self.down_norm = nn.BatchNorm2d(wide)
        self.block2 = ResidualBlock(wide)
        self.dense = nn.Linear(wide, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block1(F.relu(self.stem_norm(self.stem(x))))
        x = self.block2(F.relu(self.down_norm(self.down(x))))
        x = F.max_pool2d(x, 2)
        return self.dense(x.mean(dim=(2, 3)))


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Each batch moved by up to one pixel: the only augmentation digits of 8x8 pixels bear."""
    down, right = (int(torch.randint(-1, 2, ())) for _ in range(2))
    padded = F.pad(images, (1, 1, 1, 1))
    return padded[:, :, 1 + down : 9 + down, 1 + right : 9 + right]


def train(data: Split) -> DigitsNet:
    """A network trained from a fixed seed, in evaluation mode."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    net = DigitsNet()
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            picked = order[start : start + BATCH]
            loss = F.cross_entropy(net(shifted(images[picked])), labels[picked], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def main() -> None:
    training, held_out = load_split()
    net = train(training)
    with torch.no_grad():
        guesses = net(torch.from_numpy(held_out.images)).argmax(1).numpy()
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    write_onnx(MODEL, weights, net.stem_norm.eps)
    size = MODEL.stat().st_size
    print(f"held-out accuracy {np.mean(guesses == held_out.labels):.4f}, {MODEL.name} {size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
