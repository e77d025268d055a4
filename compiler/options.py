"""What a caller chooses about a compile; with the model itself, all that its result depends on."""

from __future__ import annotations

from dataclasses import dataclass

from ..dialects.errors import TenonError, UsageError
from ..targets.record import check_threads

PRECISIONS = ("fp32", "bf16", "int8-dynamic")
"""What `precision` may be: the types of convert-precision, and quantize-dynamic."""

WINOGRAD = ("auto", "off", "2", "4")
"""What `winograd` may be: the tiles of select-winograd."""


@dataclass(frozen=True)
class CompileOptions:
    """target: the machine, by the name of its record, `host` for this one. precision: what f32 values are
    kept in, `fp32` or `bf16`; with `int8-dynamic` products with weights are computed on bytes. winograd: the
    tile of 3x3 convolutions by Winograd's algorithm, `auto` where it takes less time, `off` or a fixed one.
    threads: how many a call may use. instructions: a file of instructions that the target has besides."""

    target: str = "host"
    precision: str = "fp32"
    winograd: str = "auto"
    threads: int = 1
    instructions: str = ""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"precision is '{self.precision}', expected one of {', '.join(PRECISIONS)}")
        if self.winograd not in WINOGRAD:
            raise UsageError(f"winograd is '{self.winograd}', expected one of {', '.join(WINOGRAD)}")
        if isinstance(self.threads, bool) or not isinstance(self.threads, int):
            raise TenonError(f"threads is {self.threads!r}, expected a whole number")
        check_threads(self.threads)
        if set(self.instructions) & set('"\\\n'):
            raise UsageError(f"instructions is {self.instructions!r}, expected a path without quotes")

    def placeholders(self) -> dict[str, str]:
        """What fills the `{...}` of the pipeline's text."""
        dynamic = self.precision == "int8-dynamic"
        return {
            "target": self.target,
            "precision": "fp32" if dynamic else self.precision,
            "dynamic": "int8" if dynamic else "none",
            "winograd": self.winograd,
            "threads": str(self.threads),
            "instructions": f' instructions="{self.instructions}"' if self.instructions else "",
        }
