"""The drawn data set: polygons of the right digits, equal bytes each time, classes that differ."""

import hashlib

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.tools.data import glyphs as module
from tenonc.tools.data.glyphs import DIGITS, TUNED, Difficulty, draw, fonts, glyphs, outlines
from tenonc.tools.data.raster import blurred, covered, inside
from tenonc.tools.data.truetype import Font

CLEAN = Difficulty(noise=0.021, turn=1e-9, clutter=0)


@pytest.fixture(scope="module")
def faces():
    try:
        return list(fonts())
    except TenonError as error:
        pytest.skip(str(error))


def area(polygon):
    x, y = polygon.T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def test_outlines_are_those_of_digits(faces):
    """Holes: 0, 6 and 9 have one, 8 has two; a hole runs the other way round."""
    assert len(faces) == 12
    for face in faces:
        for digit, count in zip("12356708", (1, 1, 1, 1, 2, 1, 2, 3), strict=True):
            contours = face.outline(digit)
            # A mono face puts a dot or a stroke into the zero.
            assert len(contours) == count or digit == "0", (face.name, digit)
        outer, *holes = sorted((area(c) for c in face.outline("8")), key=abs, reverse=True)
        assert all(hole * outer < 0 for hole in holes)


def test_curves_are_round(faces):
    """The outer contour of the zero is longer than its chords, and bulges all the way round."""
    zero = max(faces[0].outline("0"), key=lambda c: abs(area(c)))
    middle = (zero.min(axis=0) + zero.max(axis=0)) / 2
    angles = np.unwrap(np.arctan2(*(zero - middle).T[::-1]))
    assert (
        abs(angles[-1] - angles[0]) > 1.8 * np.pi and (np.diff(angles) * np.sign(angles[-1]) >= -1e-9).all()
    )


def test_polygons_become_pixels():
    square, hole = np.array([(1, 1), (5, 1), (5, 4), (1, 4)]), np.array([(2, 2), (2, 3), (4, 3), (4, 2)])
    expected = np.zeros((6, 6), bool)
    expected[1:4, 1:5] = True
    np.testing.assert_array_equal(inside([square], 6), expected)
    np.testing.assert_array_equal(inside([square, hole[::-1]], 6), expected)  # the same way round: no hole
    expected[2, 2:4] = False
    np.testing.assert_array_equal(inside([square, hole], 6), expected)
    np.testing.assert_array_equal(inside([square - 3], 6)[:2, :3], [[True, True, False], [False] * 3])
    triangle = np.array([(0, 0), (8, 0), (0, 8)])
    assert covered(inside([triangle * 4], 32)).sum() == pytest.approx(32, abs=1)


def test_blurring():
    image = np.random.default_rng(0).random((7, 7))
    padded = np.pad(image, 2)
    expected = np.array([[padded[i : i + 5, j : j + 5].mean() for j in range(7)] for i in range(7)])
    np.testing.assert_allclose(blurred(image, 2), expected)


def test_the_same_images_each_time(faces):
    counts = {"train": 20, "control": 10, "test": 30}
    one, other = glyphs(3, counts), glyphs(3, counts)
    for split, again, count in zip(one, other, counts.values(), strict=True):
        np.testing.assert_array_equal(split.images, again.images)
        assert split.images.shape == (count, 1, 28, 28) and split.images.dtype == np.float32
        assert np.bincount(split.labels, minlength=10).tolist() == [count // 10] * 10
    assert (one.train.images[:10] != one.control.images).any()
    assert (glyphs(4, counts).train.images != one.train.images).any()
    pixels = (one.train.images * 255).round().astype(np.uint8)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == DIGEST


DIGEST = "a874de5252c3dbeea3012ef5e2c0b7bed0de6fd00ee6c9f99421565dbccc6c72"


def test_neighbours_tell_the_digits(faces):
    """Without noise, turning and clutter, the nearest of a few hundred images has the right label; as tuned,
    it seldom has: then a network must have learned the rest."""

    def nearest(difficulty):
        known, asked = (draw(n, np.random.default_rng(n), difficulty) for n in (400, 60))
        a, b = (split.images.reshape(len(split.labels), -1) for split in (known, asked))
        distances = (b**2).sum(1)[:, None] + (a**2).sum(1) - 2 * b @ a.T
        return float((known.labels[distances.argmin(axis=1)] == asked.labels).mean())

    assert 0.25 < nearest(TUNED) < nearest(CLEAN)
    assert nearest(CLEAN) > 0.55


def test_missing_and_broken_fonts(faces, monkeypatch):
    monkeypatch.setattr(module, "FOLDERS", ())
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(
        TenonError, match=r"the font DejaVuSans.ttf of matplotlib is missing: pip install 'te"
    ):
        list(fonts())
    data = faces[0].data
    for broken in (b"", data[:100], data[:5000], data[:12] + b"\xff" * 400 + data[412:]):
        with pytest.raises(TenonError, match="^bad.ttf: not a readable TrueType font: "):
            for digit in DIGITS:
                Font(broken, "bad.ttf").outline(digit)


def test_outlines_are_one_high(faces):
    for digits in outlines():
        for contours in digits:
            points = np.concatenate(contours)
            assert points[:, 1].min() == pytest.approx(-0.5) and points[:, 1].max() == pytest.approx(0.5)
