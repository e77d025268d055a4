"""What compiled functions do to their machine, read from assembly text: instructions, spills, calls, loops.

The text is what LLVM prints (AT&T syntax on x86). What depends on the architecture is a row of `SYNTAXES`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ...dialects.errors import TenonError
from .flow import natural_loops


@dataclass(frozen=True)
class Syntax:
    """How an architecture's instructions read: regular expressions on `mnemonic operands`.

    memory: has a memory operand; writes: that operand is written; unmoved: it is none that moves data;
    stack: it is relative to the stack pointer, or to the `frame` pointer where `sets_frame` makes one;
    indirect: a call or jump whose target is computed; jump: ends a block, `always` without a way on;
    returns: leaves the function."""

    comment: str
    vector: str
    memory: str
    writes: str
    unmoved: str
    stack: str
    frame: str
    sets_frame: str
    call: str
    indirect: str
    jump: str
    always: str
    returns: str


SYNTAXES = {
    "x86_64": Syntax(
        comment="#",
        vector=r"%[xyz]mm\d",
        memory=r"\(",
        writes=r"^(?!cmp|test|bt[wlq]? ).*, [^,()]*\([^()]*\)( \{%k\d\})?$",
        unmoved=r"^(lea|nop|prefetch|j|call)",
        stack=r"\(%rsp\b",
        frame=r"\(%rbp\b",
        sets_frame=r"^movq %rsp, %rbp$",
        call=r"^call",
        indirect=r" \*(%|.*\(%r[^i])",
        jump=r"^j",
        always=r"^jmp",
        returns=r"^(ret|ud2)",
    ),
    "aarch64": Syntax(
        comment="//",
        vector=r"\b[bhsdqvz]\d+\b",
        memory=r"\[(x|sp)",
        writes=r"^st",
        unmoved=r"^(prf|adr)",
        stack=r"\[sp\b",
        frame=r"\[x29\b",
        sets_frame=r"^(mov x29, sp|add x29, sp, #\d+)$",
        call=r"^blr? ",
        indirect=r"^bl?r ",
        jump=r"^(b|b\.\w+|br|cbn?z|tbn?z) ",
        always=r"^br? ",
        returns=r"^(ret|brk)",
    ),
}
"""Architecture of a triple -> its syntax."""


def syntax_of(triple: str) -> Syntax:
    """The syntax of a target's assembly."""
    architecture = triple.split("-")[0]
    if architecture not in SYNTAXES:
        known = ", ".join(SYNTAXES)
        raise TenonError(f"no assembly syntax for architecture '{architecture}', there are: {known}")
    return SYNTAXES[architecture]


@dataclass(frozen=True)
class Code:
    """A run of instructions, each as `mnemonic operands`. `has_frame`: the frame pointer is one here."""

    lines: tuple[str, ...]
    syntax: Syntax = field(repr=False)
    has_frame: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def matching(self, pattern: str) -> list[str]:
        return [line for line in self.lines if re.search(pattern, line)]

    def count(self, mnemonic: str) -> int:
        """How many instructions have a mnemonic that begins so; a leading `v` is optional."""
        return len(self.matching(f"^v?{re.escape(mnemonic)}"))

    @cached_property
    def mnemonics(self) -> Counter[str]:
        return Counter(line.split(" ", 1)[0] for line in self.lines)

    @cached_property
    def vectors(self) -> int:
        """Instructions on vector registers."""
        return len(self.matching(self.syntax.vector))

    @cached_property
    def stores(self) -> int:
        return sum(self._writes(line) for line in self._moves)

    @cached_property
    def loads(self) -> int:
        """Reads of memory, those folded into arithmetic included."""
        return len(self._moves) - self.stores

    @cached_property
    def spills(self) -> int:
        """Vector registers stored to the stack."""
        return sum(self._writes(line) for line in self._on_stack)

    @cached_property
    def reloads(self) -> int:
        """Vector operands read from the stack."""
        return len(self._on_stack) - self.spills

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """The functions that are called, also by a jump out of the function; `*` where that is computed."""
        jumps = [line for line in self.matching(self.syntax.jump) if not _LOCAL.search(line)]
        return tuple(_callee(line, self.syntax) for line in (*self.matching(self.syntax.call), *jumps))

    @cached_property
    def _moves(self) -> list[str]:
        moves = self.matching(self.syntax.memory)
        return [line for line in moves if not re.search(self.syntax.unmoved, line)]

    @cached_property
    def _on_stack(self) -> list[str]:
        stack = self.syntax.stack + (f"|{self.syntax.frame}" if self.has_frame else "")
        found = [line for line in self._moves if re.search(stack, line)]
        return [line for line in found if re.search(self.syntax.vector, line)]

    def _writes(self, line: str) -> bool:
        return bool(re.search(self.syntax.writes, line))


@dataclass(frozen=True)
class Loop:
    """A natural loop: where it starts, how many loops are around it, whether none is in it, its code."""

    label: str
    depth: int
    innermost: bool
    code: Code


@dataclass(frozen=True)
class Function:
    """A function's code, and its loops from the first to the last."""

    name: str
    code: Code
    loops: tuple[Loop, ...]

    @property
    def inner(self) -> list[Loop]:
        """The innermost loops."""
        return [loop for loop in self.loops if loop.innermost]


def read_functions(assembly: str, syntax: Syntax) -> dict[str, Function]:
    """The functions of an assembly text, by name."""
    return {name: _function(name, lines, syntax) for name, lines in _bodies(assembly, syntax).items()}


_LOCAL = re.compile(r" \.L\w+$")
_LABEL = re.compile(r'^("(?:[^"\\]|\\.)*"|[\w.$@]+):')
_TYPE = re.compile(r'^\s*\.type\s+("(?:[^"\\]|\\.)*"|[\w.$@]+?),\s*[@%]function')


def _bodies(assembly: str, syntax: Syntax) -> dict[str, list[str]]:
    """Each function's lines: instructions with single spaces, and labels with their colon."""
    functions: set[str] = set()
    bodies: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for raw in assembly.splitlines():
        if found := _TYPE.match(raw):
            functions.add(found[1])
        text = " ".join(raw.split(syntax.comment)[0].split())
        text = re.sub(r"^\{\w+\} ", "", text)  # how an instruction is encoded
        if '"' in raw:  # a symbol in quotes may hold anything
            text = raw.strip().replace("\t", " ", 1)
        label = _LABEL.match(text)
        if label and label[1] in functions:
            lines = bodies.setdefault(label[1].strip('"'), [])
        elif label and label[1].startswith(".Lfunc_end"):
            lines = None
        elif lines is not None and text and (label or not text.startswith(".")):
            lines.append(text)
    return bodies


def _function(name: str, lines: Sequence[str], syntax: Syntax) -> Function:
    blocks, labels = _blocks(lines, syntax)
    has_frame = any(re.search(syntax.sets_frame, line) for line in lines)
    bodies = natural_loops(_successors(blocks, labels, syntax))
    names = {block: label for label, block in labels.items()}

    def code(numbers: Iterable[int]) -> Code:
        return Code(tuple(line for n in numbers for line in blocks[n]), syntax, has_frame)

    loops = tuple(
        Loop(
            names.get(header, ""),
            sum(header in other and other != body for other in bodies.values()),
            not any(other < body for other in bodies.values()),
            code(sorted(body)),
        )
        for header, body in sorted(bodies.items())
    )
    return Function(name, code(range(len(blocks))), loops)


def _blocks(lines: Sequence[str], syntax: Syntax) -> tuple[list[list[str]], dict[str, int]]:
    """Basic blocks, and label -> the block it starts."""
    blocks: list[list[str]] = [[]]
    labels: dict[str, int] = {}
    for line in lines:
        if found := _LABEL.match(line):
            if blocks[-1]:
                blocks.append([])
            labels[found[1]] = len(blocks) - 1
            continue
        blocks[-1].append(line)
        if re.search(f"{syntax.jump}|{syntax.returns}", line):
            blocks.append([])
    return blocks, labels


def _successors(blocks: Sequence[list[str]], labels: dict[str, int], syntax: Syntax) -> list[list[int]]:
    """Block -> the blocks that may run next."""
    edges: list[list[int]] = []
    for number, block in enumerate(blocks):
        last = block[-1] if block else ""
        target = labels.get(last.rpartition(" ")[2]) if re.search(syntax.jump, last) else None
        goes_on = not re.search(f"{syntax.always}|{syntax.returns}", last)
        edges.append([] if target is None else [target])
        if goes_on and number + 1 < len(blocks):
            edges[-1].append(number + 1)
    return edges


_SYMBOL = re.compile(r'\*?("[^"]*"|[\w.$]+)')


def _callee(line: str, syntax: Syntax) -> str:
    found = _SYMBOL.match(line.partition(" ")[2])
    return "*" if found is None or re.search(syntax.indirect, line) else found[1].strip('"')
