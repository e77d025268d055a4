"""Digits drawn from fonts: ten classes, as many images as wanted, the same wherever they are drawn.

Each image is a digit of one of twelve faces of DejaVu under a random affine map, with thicker or thinner
strokes, lines and parts of other digits around it, and noise. The fonts are those inside matplotlib (the
extra `data`); the same outlines where Debian's packages have put them serve as well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...dialects.errors import TenonError
from . import DataSet, Split
from .raster import FINE, blurred, covered, inside
from .truetype import Font

SIZE = 28
"""Pixels along each side."""

DIGITS = "0123456789"

COUNTS = {"train": 4000, "control": 2000, "test": 6000}

FACES = tuple(
    f"DejaVu{family}{'-' if style else ''}{style}.ttf"
    for family, slanted in (("Sans", "Oblique"), ("SansMono", "Oblique"), ("Serif", "Italic"))
    for style in ("", "Bold", slanted, f"Bold{slanted}")
)

FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu")


class Difficulty(NamedTuple):
    """How far the images are from clean print. As tuned, LeNet-5 with batch norm reads 95.7 % of the test
    images after 10 epochs (and all of those that it was trained on): there is something to lose."""

    noise: float = 0.3
    """Largest standard deviation of the noise, where ink is 0.5 to 1."""
    turn: float = 0.35
    """Standard deviation of the rotation, in radians, cut off at twice that."""
    clutter: int = 3
    """Most lines and parts of digits around one."""


TUNED = Difficulty()


def glyphs(seed: int = 0, counts: dict[str, int] = COUNTS, difficulty: Difficulty = TUNED) -> DataSet:
    """The data set: equal seeds give equal bytes. Raises TenonError where the fonts are missing."""
    splits = [
        draw(counts[name], np.random.default_rng([seed, index]), difficulty)
        for index, name in enumerate(DataSet._fields)
    ]
    return DataSet(*splits)


def draw(count: int, rng: np.random.Generator, difficulty: Difficulty) -> Split:
    """`count` images, the classes equally often."""
    labels = rng.permutation(count) % len(DIGITS)
    images = np.stack([_image(int(label), rng, difficulty) for label in labels])
    return Split(images[:, None].astype(np.float32) / np.float32(255), labels.astype(np.int64))


@cache
def outlines() -> list[list[list[np.ndarray]]]:
    """[face][digit] -> contours around the origin, 1 high, y downwards."""
    return [[_centred(font.outline(digit)) for digit in DIGITS] for font in fonts()]


def fonts() -> Iterator[Font]:
    """The twelve faces. Raises TenonError where one is not found."""
    folders = [Path(folder) for folder in FOLDERS]
    spec = find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        folders.insert(0, Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf")
    for name in FACES:
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            raise TenonError(f"the font {name} of matplotlib is missing: pip install 'tenonc[data]'")
        yield Font(path.read_bytes(), name)


def _centred(contours: list[np.ndarray]) -> list[np.ndarray]:
    points = np.concatenate(contours)
    low, high = points.min(axis=0), points.max(axis=0)
    height = high[1] - low[1]
    return [(contour - (low + high) / 2) * [1, -1] / height for contour in contours]


def _image(label: int, rng: np.random.Generator, difficulty: Difficulty) -> np.ndarray:
    """[SIZE, SIZE] of uint8."""
    faces = outlines()
    digit = faces[rng.integers(len(faces))][label]
    middle = SIZE / 2 + rng.uniform(-3, 3, 2)
    ink = _drawn(digit, _affine(rng, difficulty.turn), middle, rng.uniform(14, 21))
    fine = blurred(ink, int(rng.integers(1, 3))) > rng.uniform(0.2, 0.7)
    image = covered(fine) * rng.uniform(0.5, 1)
    for _ in range(rng.integers(difficulty.clutter + 1)):
        image = np.maximum(image, covered(_clutter(rng)) * rng.uniform(0.2, 0.8))
    image = image + rng.normal(0, rng.uniform(0.02, difficulty.noise), image.shape)
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8)


def _affine(rng: np.random.Generator, turn: float) -> np.ndarray:
    """Rotation, shear, and a width other than the height."""
    angle = np.clip(rng.normal(0, turn), -2 * turn, 2 * turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation @ [[rng.uniform(0.75, 1.25), rng.uniform(-0.3, 0.3)], [0, 1]]


def _drawn(contours: list[np.ndarray], affine: np.ndarray, middle: np.ndarray, height: float) -> np.ndarray:
    return inside([(c @ affine.T * height + middle) * FINE for c in contours], SIZE * FINE)


def _clutter(rng: np.random.Generator) -> np.ndarray:
    """A thin line across the image, or a digit of which the border cuts most."""
    if rng.random() < 0.5:
        angle, width = rng.uniform(0, np.pi), rng.uniform(0.4, 1.2)
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        middle, reach = rng.uniform(2, SIZE - 2, 2), rng.uniform(4, 14)
        corners = [(-reach, -width), (reach, -width), (reach, width), (-reach, width)]
        line = np.array([middle + a * along + b / 2 * across for a, b in corners])
        return inside([line * FINE], SIZE * FINE)
    faces = outlines()
    digit = faces[rng.integers(len(faces))][rng.integers(len(DIGITS))]
    angle = rng.uniform(0, 2 * np.pi)
    middle = SIZE / 2 + rng.uniform(14, 18) * np.array([np.cos(angle), np.sin(angle)])
    return _drawn(digit, _affine(rng, 1.0), middle, rng.uniform(10, 18))
