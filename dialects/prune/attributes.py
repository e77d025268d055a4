"""Attributes of the prune dialect: where the channels of a group lie, and which parts must stay even."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, IntAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

PIECE = ("first channel", "count", "position", "step", "span")


MOST = 2**24
"""Channels that a group may have, and positions: what is written by hand may not ask for any memory."""


@irdl_attr_definition
class MemberAttr(ParametrizedAttribute):
    """A dimension that holds the channels of a group: `#prune.member<"flat", axis 1, [[0, 64, 0, 49, 49]]>`.

    `value` is the name of an op (its location), whose result is meant; of several ops of a name the last
    one. A piece [c, n, p, step, span] says that channel c + i, for i < n, owns the positions p + i * step to
    p + i * step + span - 1. Without pieces channel i owns position i.
    """

    name = "prune.member"
    value: StringAttr
    axis: IntAttr
    pieces: ArrayAttr[ArrayAttr[IntAttr]]

    @staticmethod
    def of(value: str, axis: int, positions: np.ndarray) -> MemberAttr:
        """`positions` [channels, positions of one], each row ascending."""
        channels, span = positions.shape
        plain = span == 1 and np.array_equal(positions[:, 0], np.arange(channels))
        pieces = [] if plain else pieces_of(positions)
        return MemberAttr(StringAttr(value), IntAttr(axis), _nested(pieces))

    def positions(self, extent: int) -> np.ndarray:
        """[extent, positions of one channel], each row ascending. VerifyException unless all own as many."""
        if not self.pieces.data:
            return np.arange(extent)[:, None]
        owned: list[list[int]] = [[] for _ in range(extent)]
        for piece in self.pieces:
            first, count, position, step, span = (n.data for n in piece)
            if first < 0 or first + count > extent:
                raise VerifyException(f"{self}: channels {first} to {first + count - 1} of {extent}")
            for i in range(count):
                owned[first + i] += range(position + i * step, position + i * step + span)
        if len({len(row) for row in owned}) != 1 or not owned[0]:
            raise VerifyException(f"{self}: channels own {sorted({len(r) for r in owned})} positions")
        return np.sort(np.asarray(owned), axis=1)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            value = parser.parse_str_literal("name of a value")
            parser.parse_punctuation(",")
            parser.parse_keyword("axis")
            axis = parser.parse_integer(allow_boolean=False)
            pieces: list[list[int]] = []
            if parser.parse_optional_punctuation(",") is not None:
                pieces = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: _integers(parser))
        return (StringAttr(value), IntAttr(axis), _nested(pieces))

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.value.data)
            printer.print_string(f", axis {self.axis.data}")
            if self.pieces.data:
                listed = ", ".join(_text(piece) for piece in self.pieces)
                printer.print_string(f", [{listed}]")

    def verify(self) -> None:
        for piece in self.pieces:
            numbers = [n.data for n in piece]
            if len(numbers) != len(PIECE) or min(numbers, default=0) < 0 or 0 in (numbers[1], numbers[4]):
                expected = ", ".join(PIECE)
                raise VerifyException(f"piece {_text(piece)} of '{self.value.data}', expected {expected}")
        named = sum(count.data * span.data for _, count, _, _, span in self.pieces)
        if max([named, *(n.data for piece in self.pieces for n in piece)]) > MOST:
            raise VerifyException(f"pieces of '{self.value.data}' name more than {MOST} positions")


@irdl_attr_definition
class EvenAttr(ParametrizedAttribute):
    """Parts of a dimension that must keep equally many channels: `#prune.even<"conv3", [2 of 0, 2 of 1]>`.

    `op` is the op that asks for it (a convolution with groups, a reshape that splits). The list has runs of
    channels and the part that each lies in, -1 for none. Groups that name the same op count together.
    """

    name = "prune.even"
    op: StringAttr
    runs: ArrayAttr[ArrayAttr[IntAttr]]

    @staticmethod
    def of(op: str, parts: Sequence[int]) -> EvenAttr:
        """`parts` has an entry for each channel."""
        runs = [[len(list(same)), int(part)] for part, same in groupby(parts)]
        return EvenAttr(StringAttr(op), _nested(runs))

    @property
    def parts(self) -> np.ndarray:
        """The part that each channel lies in."""
        return np.repeat(*np.array([[n.data for n in run] for run in self.runs], int).reshape(-1, 2).T[::-1])

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            op = parser.parse_str_literal("name of an op")
            parser.parse_punctuation(",")
            runs = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: cls._run(parser))
        return (StringAttr(op), _nested(runs))

    @staticmethod
    def _run(parser: AttrParser) -> list[int]:
        count = parser.parse_integer(allow_boolean=False)
        parser.parse_keyword("of")
        return [count, parser.parse_integer(allow_boolean=False)]

    def print_parameters(self, printer: Printer) -> None:
        listed = ", ".join(f"{count.data} of {part.data}" for count, part in self.runs)
        with printer.in_angle_brackets():
            printer.print_string_literal(self.op.data)
            printer.print_string(f", [{listed}]")

    def verify(self) -> None:
        if any(count.data < 0 or part.data < -1 for count, part in self.runs):
            raise VerifyException(f'even "{self.op.data}": a run has a negative count or part')
        if max(sum(count.data for count, _ in self.runs), *(part.data for _, part in self.runs), 0) > MOST:
            raise VerifyException(f'even "{self.op.data}": names more than {MOST} channels or parts')


def pieces_of(positions: np.ndarray) -> list[list[int]]:
    """Pieces that say where `positions` [channels, positions of one] lie."""
    breaks = np.flatnonzero((np.diff(positions, axis=1) != 1).any(axis=0)) + 1
    pieces: list[list[int]] = []
    for columns in np.split(np.arange(positions.shape[1]), breaks):
        starts, channel = positions[:, columns[0]], 0
        while channel < len(starts):
            step = int(starts[channel + 1] - starts[channel]) if channel + 1 < len(starts) else 1
            ends = np.flatnonzero(np.diff(starts[channel:]) != step)
            count = int(ends[0]) + 1 if len(ends) else len(starts) - channel
            if count == 1 or step < 0:
                count, step = 1, 1
            pieces.append([channel, count, int(starts[channel]), step, len(columns)])
            channel += count
    return pieces


def _nested(pieces: Sequence[Sequence[int]]) -> ArrayAttr[ArrayAttr[IntAttr]]:
    return ArrayAttr([ArrayAttr([IntAttr(n) for n in piece]) for piece in pieces])


def _integers(parser: AttrParser) -> list[int]:
    return parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)


def _text(numbers: ArrayAttr[IntAttr]) -> str:
    return f"[{', '.join(str(n.data) for n in numbers)}]"
