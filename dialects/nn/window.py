"""Sizes of what a sliding window makes of an input: shared by convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import TenonError
from .base import shape_text


class Window(NamedTuple):
    """One entry a spatial dimension; `pads` lists all begins, then all ends (ONNX order)."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]

    @property
    def rank(self) -> int:
        return len(self.kernel)

    @property
    def low(self) -> tuple[int, ...]:
        return self.pads[: self.rank]

    @property
    def high(self) -> tuple[int, ...]:
        return self.pads[self.rank :]

    @property
    def spans(self) -> tuple[int, ...]:
        """The extent a window covers, holes of the dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))


def check_window(op: str, window: Window, spatial: Sequence[int]) -> None:
    """Entries of the right number and sign; `spatial` are the input's extents."""
    rank = len(spatial)
    if not 1 <= rank <= 3:
        raise TenonError(f"{op}: input has {rank} spatial dimensions, expected 1 to 3")
    for name, values, count, least in (
        ("kernel", window.kernel, rank, 1),
        ("strides", window.strides, rank, 1),
        ("dilations", window.dilations, rank, 1),
        ("pads", window.pads, 2 * rank, 0),
    ):
        if len(values) != count or any(value < least for value in values):
            raise TenonError(f"{op}: {name} is {list(values)}, expected {count} numbers of at least {least}")


def output_extents(
    op: str, window: Window, spatial: Sequence[int], ceil_mode: bool = False
) -> tuple[int, ...]:
    """How many windows fit in each dimension. With `ceil_mode` a last one may reach past the padding, if it
    begins inside the input or the padding before it."""
    extents = []
    for n, span, s, low, high in zip(
        spatial, window.spans, window.strides, window.low, window.high, strict=True
    ):
        room = n + low + high - span
        if room < 0:
            spans = f"window spans {shape_text(window.spans)}"
            raise TenonError(f"{op}: {spans}, more than the padded input of {shape_text(spatial)}")
        count = (-(-room // s) if ceil_mode else room // s) + 1
        extents.append(count - 1 if ceil_mode and (count - 1) * s >= n + low else count)
    return tuple(extents)
