"""The text of one LLVM function as it grows: values, blocks, loops, addresses.

A value of the IR is a list of LLVM values: one per register of its grid, row-major; a scalar or a memref
has one. Code that does not change in a loop is put outside it at once, and equal code is written once, so
that no middle-end pass is needed to clean up after the emitter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from ...dialects.errors import TenonError

STACK_ALIGNMENT = 64
_NAME = re.compile(r"(%[\w.]+)")


@dataclass
class Scope:
    """The lines of a loop body (or of the function), and what is known there: equal code -> its value."""

    lines: list[str] = field(default_factory=list)
    hoisted: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)


class FunctionText:
    """One function under construction. `declarations` collects what the module must declare; `features` are
    the target's, without their plus signs; `pooled` names the kernels that take a pool. `parameters` are its
    arguments, name -> declaration; `outlined` are functions made of its parts."""

    def __init__(
        self,
        declarations: dict[str, str],
        features: Collection[str] = (),
        pooled: Collection[str] = (),
        name: str = "",
    ):
        self.declarations, self.features, self.pooled, self.name = declarations, features, pooled, name
        self.parameters: dict[str, str] = {}
        self.outlined: list[str] = []
        self.values: dict[SSAValue, list[str]] = {}
        self.constants: dict[SSAValue, int] = {}
        self.alignment: dict[SSAValue, int] = {}
        self.unwritten: set[SSAValue] = set()
        """Memory that nothing writes while the function runs."""
        self.tiles: set[SSAValue] = set()
        """Values that are tiles, not vectors."""
        self.depth: dict[SSAValue, int] = {}
        self.scopes = [Scope()]
        self.deferred: dict[str, list[str]] = {}
        self.block = "entry"
        self._count = 0

    def fresh(self, stem: str = "v") -> str:
        """A name nothing else has: those of arguments hold no dot."""
        self._count += 1
        return f"{stem}.{self._count}"

    def line(self, text: str) -> None:
        self.scopes[-1].lines.append("  " + text)

    def let(self, text: str) -> str:
        """A new value computed here."""
        name = "%" + self.fresh()
        self.scopes[-1].lines.append(f"  {name} = {text}")
        return name

    def let_at(self, depth: int, text: str) -> str:
        """A value computed once at the head of the scope `depth` loops deep, which its operands need."""
        scope = self.scopes[depth]
        if text not in scope.known:
            name = "%" + self.fresh()
            scope.hoisted.append(f"  {name} = {text}")
            scope.known[text] = name
        return scope.known[text]

    def on_stack(self, type_: str) -> str:
        """The address of room for one value, for as long as the function runs."""
        name = "%" + self.fresh("stack")
        self.scopes[0].hoisted.append(f"  {name} = alloca {type_}, align {STACK_ALIGNMENT}")
        return name

    def before_loop(self, emit: Callable[[], list[str]]) -> list[str]:
        """The values of `emit`, computed before the innermost loop, which nothing they need changes in."""
        self.scopes.append(Scope())
        values = emit()
        self.need(values)
        lines = self.scopes.pop().lines
        self.scopes[-2].hoisted += lines
        return values

    def defer(self, emit: Callable[[], str]) -> str:
        """The value of `emit`, whose lines wait until the value is needed: registers are few, and LLVM's
        scheduler does not undo an order that holds too many values at once."""
        self.scopes.append(Scope())
        value = emit()
        self.deferred[value] = self.scopes.pop().lines
        return value

    def need(self, values: Sequence[str]) -> None:
        """Writes the deferred lines of `values`."""
        for value in values:
            if value in self.deferred:
                self.scopes[-1].lines += self.deferred.pop(value)

    def need_all(self) -> None:
        self.need(list(self.deferred))

    def start_block(self, label: str) -> None:
        self.scopes[-1].lines.append(f"{label}:")
        self.block = label

    def call(self, result: str, name: str, arguments: Sequence[tuple[str, str]]) -> str:
        """Calls a function of (type, value) arguments and declares it."""
        self.declare(result, name, [t for t, _ in arguments])
        return self.let(f"call {result} @{name}({', '.join(f'{t} {v}' for t, v in arguments)})")

    def repeat(self, emit: Callable[[Sequence[str]], str], points: Sequence[tuple[str, ...]]) -> list[str]:
        """What `emit` makes of each point, a tuple of values. It runs once, its lines are copied with other
        names; equal points are computed once."""
        operands = [f"%operand.{i}" for i in range(len(points[0]))]
        self.scopes.append(Scope())
        result = emit(operands)
        pieces = _NAME.split("\n".join([*self.scopes.pop().lines, result]))
        made = {p: self._copy(pieces, dict(zip(operands, p, strict=True))) for p in dict.fromkeys(points)}
        return [made[point] for point in points]

    def _copy(self, pieces: Sequence[str], names: dict[str, str]) -> str:
        """Adds lines, split at their names, under other names; returns the last line instead."""
        self.need(list(names.values()))
        renamed = list(pieces)
        for at in range(1, len(renamed), 2):
            name = renamed[at]
            if name not in names:
                names[name] = "%" + self.fresh()
            renamed[at] = names[name]
        *lines, result = "".join(renamed).split("\n")
        self.scopes[-1].lines += lines
        return result

    def declare(self, result: str, name: str, types: Sequence[str]) -> None:
        signature = f"declare {result} @{name}({', '.join(types)})"
        if self.declarations.setdefault(name, signature) != signature:
            raise TenonError(
                f"function @{name} is used with two signatures: {self.declarations[name]}, {signature}"
            )

    def body(self) -> list[str]:
        """The lines of the whole function."""
        (scope,) = self.scopes
        return ["entry:", *scope.hoisted, *scope.lines]


def symbol(name: str) -> str:
    """A symbol as LLVM writes it."""
    plain = name.replace("_", "a").replace(".", "a").isalnum() and name.isascii() and not name[0].isdigit()
    return f"@{name}" if plain else f'@"{name}"'
