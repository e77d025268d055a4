"""What a report points at: a table of rules on what is known of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...targets.llvm.codegen import EXTERNAL_FUNCTIONS
from .data import Flag, MachineCode, Measured

SLOW = 0.6
"""A kernel below this part of its own roofline is slow."""


@dataclass(frozen=True)
class Evidence:
    """A kernel's code, how often its instructions' mnemonics are in it, and its times."""

    code: MachineCode | None
    mnemonics: Mapping[str, int]
    measured: Measured | None

    @property
    def calls(self) -> list[str]:
        """What the code calls."""
        return self.code.calls if self.code else []


def _spills(kernel: Evidence) -> str:
    code = kernel.code
    if code is None or not (code.inner_spills or code.inner_reloads):
        return ""
    return f"inner loops spill {code.inner_spills} and reload {code.inner_reloads} vector registers"


def _calls(kernel: Evidence) -> str:
    strange = [name for name in kernel.calls if name not in EXTERNAL_FUNCTIONS]
    return f"calls {', '.join(strange)}" if strange else ""


def _library(kernel: Evidence) -> str:
    library = [name for name in kernel.calls if name in EXTERNAL_FUNCTIONS]
    return f"calls {', '.join(library)} of the C library" if library else ""


def _mnemonic(kernel: Evidence) -> str:
    missing = [name for name, count in kernel.mnemonics.items() if not count]
    return f"no {', '.join(missing)} in the assembly" if missing else ""


def _slow(kernel: Evidence) -> str:
    measured = kernel.measured
    if measured is None or not 0 < measured.roofline < SLOW:
        return ""
    return f"{100 * measured.roofline:.0f} % of its roofline, {measured.bound} bound"


RULES: dict[str, Callable[[Evidence], str]] = {
    "spills": _spills,
    "call": _calls,
    "mnemonic": _mnemonic,
    "libm": _library,
    "slow": _slow,
}
"""Kind of flag -> what is wrong, or nothing; from the worst to the least."""


def flags_of(kernel: Evidence) -> list[Flag]:
    """What there is to look at in a kernel."""
    return [Flag(kind, text) for kind, rule in RULES.items() if (text := rule(kernel))]
