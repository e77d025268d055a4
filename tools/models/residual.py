"""Convolutional networks with additive shortcuts: ResNet, MobileNetV2, and an EfficientNet-like one."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn


def conv_norm(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution with `same` padding (for odd kernels) and its batch norm."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class BranchNorm(nn.BatchNorm2d):
    """The norm at the end of a residual branch: training starts it near zero: the shortcut prevails."""


def conv_end(inputs: int, outputs: int, kernel: int = 1) -> nn.Sequential:
    """The last convolution of a residual branch with its norm."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2, bias=False), BranchNorm(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(conv_norm(inputs, width, 3, stride), nn.ReLU(), conv_end(width, width, 3))
        self.shortcut = (
            nn.Identity() if stride == 1 and inputs == width else conv_norm(inputs, width, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.shortcut(x)).relu()


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 to four times the width; or to the widths `cut`."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, cut: tuple[int, int, int] | None = None):
        super().__init__()
        first, second, outputs = cut or (width, width, 4 * width)
        self.body = nn.Sequential(
            conv_norm(inputs, first),
            nn.ReLU(),
            conv_norm(first, second, 3, stride),
            nn.ReLU(),
            conv_end(second, outputs),
        )
        self.shortcut = (
            nn.Identity() if stride == 1 and inputs == outputs else conv_norm(inputs, outputs, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.shortcut(x)).relu()


def resnet(block: type[BasicBlock] | type[Bottleneck], depths: tuple[int, ...]) -> nn.Module:
    """A ResNet for 1000 classes."""
    layers: list[nn.Module] = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        width = 64 << stage
        for index in range(depth):
            layers.append(block(channels, width, 2 if index == 0 and stage else 1))
            channels = width * block.expansion
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def odd_resnet(depths: tuple[int, ...], seed: int = 0) -> nn.Module:
    """A ResNet of bottlenecks as pruning leaves it: every width is an odd number, up to an eighth below the
    full one; what shortcuts add has the same width along a stage."""
    rng = np.random.default_rng(seed)

    def odd(width: int) -> int:
        return int(rng.integers(width * 7 // 16, width // 2)) * 2 + 1

    channels = odd(64)
    layers: list[nn.Module] = [conv_norm(3, channels, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for stage, depth in enumerate(depths):
        width, outputs = 64 << stage, odd(256 << stage)
        for index in range(depth):
            stride = 2 if index == 0 and stage else 1
            layers.append(Bottleneck(channels, width, stride, (odd(width), odd(width), outputs)))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


class Gate(nn.Module):
    """Squeeze and excitation: each channel scaled by a sigmoid of all channels' means."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale(x)


class Inverted(nn.Module):
    """An inverted bottleneck: widen, depthwise convolution, optionally a gate, narrow."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        expand: int,
        stride: int,
        kernel: int = 3,
        gated: bool = False,
        activation: type[nn.Module] = nn.ReLU6,
    ):
        super().__init__()
        width = inputs * expand
        layers: list[nn.Module] = [conv_norm(inputs, width), activation()] if expand > 1 else []
        layers += [conv_norm(width, width, kernel, stride, groups=width), activation()]
        if gated:
            layers.append(Gate(width, max(1, inputs // 4)))
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(*layers, (conv_end if self.residual else conv_norm)(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


# (expansion, channels, repeats, stride)
_MOBILENET_V2 = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)


def mobilenet_v2() -> nn.Module:
    layers: list[nn.Module] = [conv_norm(3, 32, 3, 2), nn.ReLU6()]
    channels = 32
    for expand, outputs, repeats, stride in _MOBILENET_V2:
        for index in range(repeats):
            layers.append(Inverted(channels, outputs, expand, stride if index == 0 else 1))
            channels = outputs
    head = [conv_norm(channels, 1280), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *head, nn.Linear(1280, 1000))


# (expansion, channels, repeats, stride, kernel)
_EFFICIENTNET_B0 = (
    *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)),
    *((6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
)


def efficientnet() -> nn.Module:
    """The shape of EfficientNet-B0: inverted bottlenecks with gates and SiLU."""
    layers: list[nn.Module] = [conv_norm(3, 32, 3, 2), nn.SiLU()]
    channels = 32
    for expand, outputs, repeats, stride, kernel in _EFFICIENTNET_B0:
        for index in range(repeats):
            first = stride if index == 0 else 1
            layers.append(Inverted(channels, outputs, expand, first, kernel, gated=True, activation=nn.SiLU))
            channels = outputs
    head = [conv_norm(channels, 1280), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *head, nn.Linear(1280, 1000))
