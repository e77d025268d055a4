"""What functions of `nn.elementwise` mean, where numpy has none of that meaning. Floats come as f64, integers
as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .numeric import integer_divide, maximum

GELU_CUBIC = 0.044715
SELU_ALPHA = 1.6732632423543772
SELU_GAMMA = 1.0507009873554805


def shift(left: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def shift(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inside = (y >= 0) & (y < 8 * x.itemsize)
        last = np.asarray(8 * x.itemsize - 1, x.dtype)
        by = np.where(inside, y, last)
        shifted = np.left_shift(x, by) if left else np.right_shift(x, by)
        return shifted if x.dtype.kind == "i" and not left else np.where(inside, shifted, np.zeros_like(x))

    return shift


def pow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return np.power(x, y)
    negative = y < 0
    powers = np.power(x, np.where(negative, np.zeros_like(y), y))
    alternating = np.where(x == -1, np.where(y & 1 != 0, x, 1), 0) if x.dtype.kind == "i" else powers
    return np.where(negative, np.where(x == 1, 1, alternating), powers).astype(x.dtype)


def mod(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return np.mod(x, y)
    return np.where(y == 0, np.zeros_like(x), np.mod(x, np.where(y == 0, np.ones_like(y), y)))


def fmod(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return np.fmod(x, y)
    return np.where(y == 0, np.zeros_like(x), np.fmod(x, np.where(y == 0, np.ones_like(y), y)))


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def elu(x: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + GELU_CUBIC * x**3)))


def divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x / y if x.dtype.kind == "f" else integer_divide(x, y)


def relu(x: np.ndarray) -> np.ndarray:
    return maximum(x, np.zeros_like(x))


def sign(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1, np.where(x < 0, -1, x)) if x.dtype.kind == "f" else np.sign(x)


def leaky(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x, slope * x)
