"""`dense<>` as text where some floats are no finite numbers.

xDSL (0.74) prints their bits, `dense<[1.0, 0xFF800000]>`, as MLIR does, and reads them back as integers: an
infinity of an attention mask would become 4.29e9."""

from __future__ import annotations

import re
from typing import TypeGuard

import numpy as np
from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr
from xdsl.ir import Attribute
from xdsl.parser import Parser
from xdsl.printer import Printer

from .dtypes import dense_array, dense_attribute

_NUMBERS = re.compile(r"0x[0-9A-Fa-f]+|[-+]?[0-9][0-9.eE+-]*")


def print_value(value: Attribute, printer: Printer) -> None:
    """All bits of all elements in one string where one is not finite: what xDSL and MLIR read alike."""
    if not _has_floats(value) or np.isfinite(dense_array(value).astype(np.float64)).all():
        printer.print_attribute(value)
        return
    printer.print_string(f'dense<"0x{value.data.data.hex().upper()}"> : ')
    printer.print_attribute(value.type)


def parse_value(parser: Parser) -> Attribute:
    """An attribute, of whose floats hexadecimal numbers are the bits."""
    start = parser.pos
    value = parser.parse_attribute()
    literal = parser.lexer.input.slice(start, parser.pos) or ""
    if not _has_floats(value) or "0x" not in literal or '"' in literal:
        return value
    array = dense_array(value).copy()
    numbers = _NUMBERS.findall(literal.partition("<")[2].rpartition(">")[0].rpartition(":")[0])
    places = array.reshape(-1)
    for at, number in enumerate(numbers):
        if number.startswith("0x"):
            bits = int(number, 16)
            if bits >> 8 * places.itemsize:
                parser.raise_error(f"{number} has more bits than an element of {value.type}", start)
            bits = bits.to_bytes(places.itemsize, "little")
            places[at : at + 1 if len(numbers) > 1 else None] = np.frombuffer(bits, places.dtype)
    return dense_attribute(array, value.get_element_type())


def _has_floats(value: Attribute) -> TypeGuard[DenseIntOrFPElementsAttr]:
    return isinstance(value, DenseIntOrFPElementsAttr) and isinstance(value.get_element_type(), AnyFloat)
