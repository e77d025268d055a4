"""What all qnn ops share: types and fields imply the result's type, constant scales are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation, SSAValue

from ..nn import NNOperation, tensor_of
from ..nn.fields import FLOAT, INTEGER, INTEGERS, WORD
from .parameters import ARITHMETICS, NANS, ROUNDINGS, check_range, check_values, check_word, limits, visible

Value = SSAValue | Operation

FIELDS = {
    "axis": INTEGER,
    "block": INTEGER,
    "alpha": FLOAT,
    "rounding": WORD,
    "arithmetic": WORD,
    "nan": WORD,
    "range": INTEGERS,
}
"""The fields of qnn ops; an op takes some of them, in this order."""

_WORDS = {"rounding": ROUNDINGS, "arithmetic": ARITHMETICS, "nan": NANS}


def fields(*names: str) -> dict[str, Any]:
    return {name: field for name, field in FIELDS.items() if name in names}


class QnnOperation(NNOperation):
    """Subclasses say in `result_type` what types and fields imply."""

    SCALES: ClassVar[Sequence[str]] = ("s",)
    """The operands that are scales."""

    def __init__(self, operands: Sequence[Value | Sequence[Value] | None], **values: Any):
        flat = [v for group in operands for v in (group if isinstance(group, Sequence) else [group]) if v]
        types = [tensor_of(v) for v in flat]
        result = self.checked_type(types, **values)
        if values.get("range", ()) is None:
            values["range"] = limits(result.element_type)
        super().__init__(operands=operands, properties=self.properties_of(**values), result_types=[result])

    @classmethod
    def result_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        """The type of the result. Raises TenonError where types or fields are wrong."""
        raise NotImplementedError(cls.name)

    @classmethod
    def checked_type(cls, types: Sequence[TensorType], **values: Any) -> TensorType:
        for name, allowed in _WORDS.items():
            if name in values:
                check_word(cls.name, name, values[name], allowed)
        result = cls.result_type(types, **values)
        if values.get("range") is not None:
            check_range(cls.name, values["range"], result.element_type)
        return result

    def values(self) -> dict[str, Any]:
        """The fields, and the kind, by name."""
        kind = {self.KIND: self.properties[self.KIND].data} if self.KIND else {}  # pyright: ignore
        return kind | {name: self.value_of(name) for name in self.FIELDS}

    def infer_type(self) -> TensorType:
        for name in self.SCALES:
            scale = getattr(self, name)
            for value in [scale] if isinstance(scale, SSAValue) else scale:
                check_values(self.name, visible(value))
        return self.checked_type([tensor_of(v) for v in self.operands], **self.values())
