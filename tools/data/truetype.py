"""Outlines of glyphs out of a TrueType font: as much of the format as simple glyphs need.

A reader of our own gives the same polygons everywhere; a rasterizer's pixels would depend on its version."""

from __future__ import annotations

import struct

import numpy as np

from ...dialects.errors import TenonError

SEGMENTS = 6
"""Lines a curve is cut into."""

ON_CURVE, X_SHORT, Y_SHORT, REPEAT, X_SAME, Y_SAME = 1, 2, 4, 8, 16, 32


class Font:
    """`outline` gives the contours of a character. Raises TenonError where the bytes are no such font."""

    def __init__(self, data: bytes, name: str):
        self.data, self.name = data, name
        try:
            count = self._read(">H", 4)[0]
            records = [self._read(">4sIII", 12 + 16 * i) for i in range(min(count, 64))]
            self.tables = {tag.decode("latin-1"): offset for tag, _, offset, _ in records}
            self.units = self._read(">H", self.tables["head"] + 18)[0]
            self.long_offsets = self._read(">h", self.tables["head"] + 50)[0] == 1
            self.characters = self._characters()
        except (struct.error, KeyError) as error:
            raise self._wrong(error) from None

    def outline(self, character: str) -> list[np.ndarray]:
        """Closed polygons [n, 2] of x to the right and y upwards, where the em is 1."""
        try:
            return [_flattened(points, on) / self.units for points, on in self._contours(ord(character))]
        except (struct.error, KeyError, IndexError, ValueError, OverflowError) as error:
            raise self._wrong(error) from None

    def _wrong(self, error: Exception) -> TenonError:
        return TenonError(f"{self.name}: not a readable TrueType font: {type(error).__name__} {error}")

    def _read(self, form: str, at: int) -> tuple:
        return struct.unpack_from(form, self.data, at)

    def _array(self, form: str, at: int, count: int) -> np.ndarray:
        if at + count * np.dtype(form).itemsize > len(self.data):
            raise struct.error("the file ends")
        return np.frombuffer(self.data, form, count, at)

    def _characters(self) -> dict[int, int]:
        """Code point -> glyph, from the subtable of format 4 (16-bit code points)."""
        cmap = self.tables["cmap"]
        for i in range(self._read(">H", cmap + 2)[0]):
            at = cmap + self._read(">I", cmap + 4 + 8 * i + 4)[0]
            if self._read(">H", at)[0] == 4:
                return self._segments(at)
        raise KeyError("cmap of format 4")

    def _segments(self, at: int) -> dict[int, int]:
        count = self._read(">H", at + 6)[0] // 2
        ends = self._array(">u2", at + 14, count)
        starts = self._array(">u2", at + 16 + 2 * count, count)
        deltas = self._array(">i2", at + 16 + 4 * count, count)
        places = self._array(">u2", at + 16 + 6 * count, count)
        found: dict[int, int] = {}
        for i, (start, end, delta, place) in enumerate(
            zip(*(a.tolist() for a in (starts, ends, deltas, places)))
        ):
            for code in range(start, end + 1):
                if not place:
                    found[code] = (code + delta) & 0xFFFF
                else:
                    where = at + 16 + 6 * count + 2 * i + place + 2 * (code - start)
                    found[code] = self._read(">H", where)[0] if where + 2 <= len(self.data) else 0
        return found

    def _contours(self, code: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Points and whether each is on the curve, contour by contour."""
        glyph = self.characters[code]
        form, size, scale = (">u4", 4, 1) if self.long_offsets else (">u2", 2, 2)
        begin, end = (int(n) * scale for n in self._array(form, self.tables["loca"] + glyph * size, 2))
        if begin == end:
            return []
        at = self.tables["glyf"] + begin
        count = self._read(">h", at)[0]
        if count < 0:
            raise ValueError("a composite glyph")
        ends = self._array(">u2", at + 10, count)
        total = int(ends[-1]) + 1
        at += 10 + 2 * count
        flags, at = self._flags(at + 2 + self._read(">H", at)[0], total)
        xs, at = self._coordinates(at, flags, X_SHORT, X_SAME)
        ys, at = self._coordinates(at, flags, Y_SHORT, Y_SAME)
        points, on = np.stack([xs, ys], 1), (flags & ON_CURVE) > 0
        cuts = ends[:-1].astype(int) + 1
        return list(zip(np.split(points, cuts), np.split(on, cuts), strict=True))

    def _flags(self, at: int, total: int) -> tuple[np.ndarray, int]:
        flags: list[int] = []
        while len(flags) < total:
            flag, repeat = self._read(">BB", at)
            times = 1 + repeat if flag & REPEAT else 1
            flags += [flag] * times
            at += 2 if flag & REPEAT else 1
        return np.array(flags[:total]), at

    def _coordinates(self, at: int, flags: np.ndarray, short: int, same: int) -> tuple[np.ndarray, int]:
        """Differences between points; one byte's sign, and whether two are there at all, say the flags."""
        found, value = [], 0
        for flag in flags.tolist():
            if flag & short:
                step = self._read(">B", at)[0]
                value, at = value + (step if flag & same else -step), at + 1
            elif not flag & same:
                value, at = value + self._read(">h", at)[0], at + 2
            found.append(value)
        return np.array(found, np.float64), at


def _flattened(points: np.ndarray, on: np.ndarray) -> np.ndarray:
    """A contour of quadratic curves as lines. Between two points off the curve one on it is implied."""
    path: list[tuple[np.ndarray, bool]] = []
    for i, (point, is_on) in enumerate(zip(points, on, strict=True)):
        if not is_on and not on[i - 1]:
            path.append(((point + points[i - 1]) / 2, True))
        path.append((point, bool(is_on)))
    first = next(i for i, (_, is_on) in enumerate(path) if is_on)
    path = path[first:] + path[:first]
    steps = np.arange(1, SEGMENTS + 1)[:, None] / SEGMENTS
    found = [path[0][0][None]]
    for i in range(1, len(path)):
        (point, is_on), before = path[i], path[i - 1]
        if is_on and before[1]:
            found.append(point[None])
        elif not is_on:
            start, end = before[0], path[(i + 1) % len(path)][0]
            found.append((1 - steps) ** 2 * start + 2 * steps * (1 - steps) * point + steps**2 * end)
    return np.concatenate(found)
