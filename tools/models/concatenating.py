"""Convolutional networks that concatenate: DenseNet, and a U-Net with both ways of growing an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .residual import conv_norm


class DenseLayer(nn.Module):
    """Adds `growth` channels to those it was given."""

    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            conv_norm(inputs, 4 * growth),
            nn.ReLU(),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], 1)


def densenet(depths: tuple[int, ...] = (6, 12, 24, 16), growth: int = 32) -> nn.Module:
    """A DenseNet for 1000 classes; the default depths are those of DenseNet-121."""
    layers: list[nn.Module] = [conv_norm(3, 2 * growth, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 2 * growth
    for stage, depth in enumerate(depths):
        for _ in range(depth):
            layers.append(DenseLayer(channels, growth))
            channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if stage + 1 < len(depths):
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(inputs, outputs, 3), nn.ReLU(), conv_norm(outputs, outputs, 3), nn.ReLU())


class UNet(nn.Module):
    """Four levels down and up; the deeper two grow by transposed convolution, the others bilinearly."""

    def __init__(self, width: int = 32, classes: int = 4):
        super().__init__()
        widths = [width << level for level in range(5)]
        self.down = nn.ModuleList(_pair(i, o) for i, o in zip([3, *widths], widths, strict=False))
        self.grow = nn.ModuleList()
        self.up = nn.ModuleList()
        for level in (3, 2, 1, 0):
            wide, narrow = widths[level + 1], widths[level]
            if level >= 2:
                self.grow.append(nn.ConvTranspose2d(wide, narrow, 2, 2))
            else:
                resize = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
                self.grow.append(nn.Sequential(resize, nn.Conv2d(wide, narrow, 1)))
            self.up.append(_pair(2 * narrow, narrow))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for grow, block, skip in zip(self.grow, self.up, reversed(kept[:-1]), strict=True):
            x = block(torch.cat([skip, grow(x)], 1))
        return self.head(x)
