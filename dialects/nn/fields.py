"""Text forms of the properties of nn ops: `strides [1, 1] groups 4 log true epsilon 1.0e-05`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from xdsl.dialects.builtin import BoolAttr, DenseArrayBase, FloatAttr, IntegerAttr, StringAttr, f64, i64
from xdsl.ir import Attribute
from xdsl.parser import Parser


class Field(NamedTuple):
    """How a property is made from a Python value, read back, printed and parsed."""

    attribute: Callable[[Any], Attribute]
    value: Callable[[Any], Any]
    text: Callable[[Any], str]
    parse: Callable[[Parser], Any]


def _parse_integers(parser: Parser) -> list[int]:
    return parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)


def _parse_float(parser: Parser) -> float:
    negative = parser.parse_optional_punctuation("-") is not None
    for word in ("inf", "nan"):
        if parser.parse_optional_keyword(word) is not None:
            return -float(word) if negative else float(word)
    magnitude = float(parser.parse_number(allow_boolean=False))
    return -magnitude if negative else magnitude


def _float_text(value: float) -> str:
    """As repr, but `1.0e-05`: without the point the exponent does not parse."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


INTEGERS = Field(
    lambda values: DenseArrayBase.from_list(i64, [int(v) for v in values]),
    lambda attribute: tuple(int(v) for v in attribute.get_values()),
    lambda values: f"[{', '.join(map(str, values))}]",
    _parse_integers,
)
INTEGER = Field(
    lambda value: IntegerAttr(int(value), i64),
    lambda attribute: attribute.value.data,
    str,
    lambda parser: parser.parse_integer(allow_boolean=False),
)
FLOATS = Field(
    lambda values: DenseArrayBase.from_list(f64, [float(v) for v in values]),
    lambda attribute: tuple(float(v) for v in attribute.get_values()),
    lambda values: f"[{', '.join(map(_float_text, values))}]",
    lambda parser: parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: _parse_float(parser)),
)
WORD = Field(
    StringAttr,
    lambda attribute: attribute.data,
    str,
    lambda parser: parser.parse_identifier(),
)
FLAG = Field(
    lambda value: BoolAttr.from_bool(bool(value)),
    lambda attribute: bool(attribute.value.data),
    lambda value: "true" if value else "false",
    lambda parser: parser.parse_boolean(),
)
FLOAT = Field(
    lambda value: FloatAttr(float(value), f64),
    lambda attribute: attribute.value.data,
    _float_text,
    _parse_float,
)
