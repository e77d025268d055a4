"""Networks for small images, of the kind that pruning is measured on."""

from __future__ import annotations

from torch import nn

from .residual import BasicBlock, conv_norm


def lenet5(classes: int = 10) -> nn.Module:
    """LeNet-5 for images of 28x28, with a batch norm in every hidden layer."""
    return nn.Sequential(
        conv_norm(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120, bias=False),
        nn.BatchNorm1d(120),
        nn.ReLU(),
        nn.Linear(120, 84, bias=False),
        nn.BatchNorm1d(84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )


def small_resnet(depth: int, channels: int = 3, classes: int = 10) -> nn.Module:
    """A ResNet for small images, such as those of CIFAR: three stages of 16, 32 and 64 channels."""
    layers: list[nn.Module] = [conv_norm(channels, 16, 3), nn.ReLU()]
    inputs = 16
    for stage in range(3):
        for index in range((depth - 2) // 6):
            width = 16 << stage
            layers.append(BasicBlock(inputs, width, 2 if index == 0 and stage else 1))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
