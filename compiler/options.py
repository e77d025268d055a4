"""What a caller chooses about a compile; with the model itself, all that its result depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompileOptions:
    """target: the machine, by the name of its record, `host` for this one."""

    target: str = "host"

    def placeholders(self) -> dict[str, str]:
        """What fills the `{...}` of the pipeline's text."""
        return {"target": self.target}
