"""Networks for small images, of the kind that pruning is measured on."""

from __future__ import annotations

from torch import nn

from .residual import BasicBlock, conv_norm


def lenet5(
    filters: tuple[int, int] = (6, 16), neurons: tuple[int, ...] = (120, 84), padding: int = 2
) -> nn.Module:
    """LeNet-5 for images of 28x28 in ten classes, with a batch norm in every hidden layer: as published,
    where `padding` makes the images 32x32, or with other widths."""
    layers: list[nn.Module] = []
    inputs, side = 1, 28
    for width, border in zip(filters, (padding, 0), strict=True):
        conv = nn.Conv2d(inputs, width, 5, padding=border, bias=False)
        layers += [conv, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        inputs, side = width, (side + 2 * border - 4) // 2
    layers.append(nn.Flatten())
    inputs *= side * side
    for width in neurons:
        layers += [nn.Linear(inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


def small_resnet(depth: int, channels: int = 3, classes: int = 10, stride: int = 1) -> nn.Module:
    """A ResNet for small images, such as those of CIFAR: three stages of 16, 32 and 64 channels. The first
    convolution goes in steps of `stride`."""
    layers: list[nn.Module] = [conv_norm(channels, 16, 3, stride), nn.ReLU()]
    inputs = 16
    for stage in range(3):
        for index in range((depth - 2) // 6):
            width = 16 << stage
            layers.append(BasicBlock(inputs, width, 2 if index == 0 and stage else 1))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
