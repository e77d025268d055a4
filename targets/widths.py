"""Declarations of several widths at once: a line before one says with which values it is repeated.

    for n in (16, 8, 4), needs in ("avx512f", "fma", "fma")
    tensorized.instruction @fma_${n}xf32 intrinsic "llvm.fma.v${n}f32" feature "${needs}"
      latency 4 per_cycle 2 loops (i: parallel ${n}) ... {
      ...
    }

`${n * 4}` is a multiple; `for` goes on behind a comma at a line's end. The declaration ends at the first line
that is only `}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ..dialects.errors import TenonError

_FOR = re.compile(r"for\s+(.*)")
_LIST = re.compile(r'(\w+)\s+in\s+\(\s*((?:\d+|"[^"]*")(?:\s*,\s*(?:\d+|"[^"]*"))*)\s*\)\s*(?:,\s*|$)')
_VALUE = re.compile(r'\d+|"[^"]*"')
_HOLE = re.compile(r"\$\{\s*(\w+)\s*(?:\*\s*(\d+)\s*)?\}")
MOST = 16
"""Widths of one declaration."""


def expanded(text: str, name: str) -> str:
    """`text` with every declaration that is repeated written out. Lines keep their numbers: all copies but
    the first stand on a declaration's last line. `name` is said in errors."""
    lines = text.splitlines()
    made: list[str] = []
    at = 0
    while at < len(lines):
        if (found := _FOR.fullmatch(lines[at].strip())) is None:
            made.append(lines[at])
            at += 1
            continue
        where, head = f"{name}:{at + 1}", found[1]
        start = at + 1
        while head.endswith(",") and start < len(lines):
            head, start = f"{head} {lines[start].strip()}", start + 1
        end = next((i for i in range(start, len(lines)) if lines[i].rstrip() == "}"), None)
        if end is None:
            raise TenonError(f"{where}: expected a declaration behind `for`, which ends at a line `}}`")
        made += [*[""] * (start - at), *_copies(lines[start : end + 1], _rows(head, where), where)]
        at = end + 1
    return "\n".join(made)


def _rows(text: str, where: str) -> list[dict[str, str]]:
    """The values of each copy."""
    given = list(_LIST.finditer(text))
    lists = {m[1]: [v.strip('"') for v in _VALUE.findall(m[2])] for m in given}
    if len(lists) < len(given):
        raise TenonError(f"{where}: a name has two lists, expected one for each")
    if _LIST.sub("", text) or not lists:
        raise TenonError(f"{where}: expected `for n in (16, 8, 4)`, found 'for {text}'")
    counts = {name: len(values) for name, values in lists.items()}
    if len(set(counts.values())) > 1 or max(counts.values()) > MOST:
        said = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise TenonError(f"{where}: lists of equal length, {MOST} values at most, expected: {said}")
    return [dict(zip(lists, row)) for row in zip(*lists.values(), strict=True)]


def _copies(lines: Sequence[str], rows: Sequence[Mapping[str, str]], where: str) -> Iterator[str]:
    first, *others = ([_filled(line, row, where) for line in lines] for row in rows)
    flat = (" ".join(line.partition("//")[0].strip() for line in copy) for copy in others)
    yield from first[:-1]
    yield " ".join([first[-1], *flat])


def _filled(line: str, row: Mapping[str, str], where: str) -> str:
    def value(hole: re.Match[str]) -> str:
        name, factor = hole[1], hole[2]
        if name not in row:
            raise TenonError(f"{where}: ${{{name}}} is no value of `for`: it has {', '.join(row)}")
        if factor is None:
            return row[name]
        if not row[name].isdigit():
            raise TenonError(f"{where}: ${{{name} * {factor}}} multiplies '{row[name]}'")
        return str(int(row[name]) * int(factor))

    return _HOLE.sub(value, line)
