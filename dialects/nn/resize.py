"""Resizing by interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import AnyFloat, DenseArrayBase, FloatAttr, IntegerAttr, StringAttr, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ..errors import TenonError
from .base import NNOperation, shape_text, tensor_of
from .fields import FLAG, FLOAT, FLOATS, INTEGERS, WORD
from .resampling import COORDINATES, FILTERS, ROUNDINGS, Axis, Taps, axis_taps


@irdl_op_definition
class ResizeOp(NNOperation):
    """x at other extents, each axis by itself: nearest, linear or cubic.

    ```mlir
    %y = nn.resize linear(%x) sizes [1, 64, 32, 32] scales [1.0, 1.0, 2.0, 2.0] roi []
      coordinates half_pixel rounding floor cubic -0.75 exclude_outside false antialias false
      extrapolation 0.0 : (tensor<1x64x16x16xf32>) -> tensor<1x64x32x32xf32>
    ```
    `scales` are the ratios asked for, which need not divide evenly; `coordinates` names how a position of the
    result maps to one of x, `rounding` which element is nearest to it (resampling.py). `roi` holds the starts
    and ends of the region that tf_crop_and_resize looks at, relative to x; what lies outside x is
    `extrapolation` there and the nearest element elsewhere, or with `exclude_outside` not counted.
    `antialias` widens the filter where x shrinks. Floats are computed in f32 at least; other types have the
    nearest alone.
    """

    name = "nn.resize"
    mode = prop_def(StringAttr)
    x = operand_def(TensorType)
    sizes = prop_def(DenseArrayBase)
    scales = prop_def(DenseArrayBase)
    roi = prop_def(DenseArrayBase)
    coordinates = prop_def(StringAttr)
    rounding = prop_def(StringAttr)
    cubic = prop_def(FloatAttr)
    exclude_outside = prop_def(IntegerAttr)
    antialias = prop_def(IntegerAttr)
    extrapolation = prop_def(FloatAttr)
    KIND: ClassVar = "mode"
    FIELDS: ClassVar = {
        "sizes": INTEGERS,
        "scales": FLOATS,
        "roi": FLOATS,
        "coordinates": WORD,
        "rounding": WORD,
        "cubic": FLOAT,
        "exclude_outside": FLAG,
        "antialias": FLAG,
        "extrapolation": FLOAT,
    }

    def __init__(
        self,
        mode: str,
        x: SSAValue | Operation,
        *,
        sizes: Sequence[int],
        scales: Sequence[float],
        roi: Sequence[float] = (),
        coordinates: str = "half_pixel",
        rounding: str = "round_prefer_floor",
        cubic: float = -0.75,
        exclude_outside: bool = False,
        antialias: bool = False,
        extrapolation: float = 0.0,
    ):
        fields = dict(sizes=sizes, scales=scales, roi=roi, coordinates=coordinates, rounding=rounding)
        fields |= dict(cubic=cubic, exclude_outside=exclude_outside, antialias=antialias)
        properties = self.properties_of(mode=mode, **fields, extrapolation=extrapolation)
        tensor = TensorType(tensor_of(x).element_type, sizes)
        super().__init__(operands=[x], properties=properties, result_types=[tensor])
        self.infer_type()

    def axis(self, number: int) -> Axis:
        roi, rank = self.value_of("roi"), len(self.value_of("sizes"))
        region = (roi[number], roi[rank + number]) if roi else (0.0, 1.0)
        before, after = tensor_of(self.x).get_shape()[number], self.value_of("sizes")[number]
        return Axis(before, after, self.value_of("scales")[number], *region)

    def taps(self, number: int) -> Taps | None:
        """What an axis reads; None where it stays as it is."""
        axis = self.axis(number)
        if axis.before == axis.after and axis[2:] == (1.0, 0.0, 1.0):
            return None
        names = ("coordinates", "rounding", "cubic", "exclude_outside", "antialias")
        return axis_taps(self.mode.data, axis, *(self.value_of(name) for name in names))

    def infer_type(self) -> TensorType:
        x, mode, sizes = tensor_of(self.x), self.mode.data, self.value_of("sizes")
        for name, table in (("coordinates", COORDINATES), ("rounding", ROUNDINGS)):
            if (word := self.value_of(name)) not in table:
                raise TenonError(f"resize: {name} '{word}' is unknown, expected one of {', '.join(table)}")
        if mode not in ("nearest", *FILTERS):
            raise TenonError(f"resize: mode '{mode}' is unknown, expected nearest, {', '.join(FILTERS)}")
        if mode != "nearest" and not isinstance(x.element_type, AnyFloat):
            raise TenonError(f"resize {mode}: element type {x.element_type} is not a float type")
        rank, scales, roi = x.get_num_dims(), self.value_of("scales"), self.value_of("roi")
        if len(sizes) != rank or len(scales) != rank or len(roi) not in (0, 2 * rank):
            raise TenonError(f"resize: sizes, scales and roi need {rank}, {rank} and 0 or {2 * rank} entries")
        if min(scales, default=1.0) <= 0 or min((*sizes, *x.get_shape()), default=1) < 1:
            raise TenonError(f"resize: {shape_text(x.get_shape())} cannot become {shape_text(sizes)}")
        return TensorType(x.element_type, sizes)
