"""The target record, as `attach-target` wrote it on the module."""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr

from ...dialects import tensorized
from ...dialects.errors import TenonError

TARGET = "tenon.target"
"""The module attribute that `attach-target` puts there."""

REPAIRS = "tenon.repairs"
"""The module attribute that says what was changed so that an instruction fits: name of a product -> lines."""


@dataclass(frozen=True)
class TargetFacts:
    """What the schedules need: counts per core, sizes in bytes; how many threads a call may use; registers of
    two dimensions, where there are such; vector operations of a broadcast besides its load."""

    vector_registers: int
    vector_bytes: int
    loads_per_cycle: int
    l1_bytes: int
    l2_bytes: int
    threads: int = 1
    tile_registers: int = 0
    broadcast_operations: int = 0


def target_facts(module: ModuleOp) -> TargetFacts:
    record = module.attributes.get(TARGET)
    if not isinstance(record, DictionaryAttr):
        raise TenonError("the module has no tenon.target: run attach-target first")

    def fact(name: str) -> int:
        value = record.data.get(name)
        if not isinstance(value, IntegerAttr):
            raise TenonError(f"tenon.target has no integer {name}")
        return value.value.data

    fields = TargetFacts.__dataclass_fields__.values()
    known = {f.name: fact(f.name) for f in fields if f.default is MISSING or f.name in record.data}
    return TargetFacts(**known)


def features(module: ModuleOp) -> frozenset[str] | None:
    """The features of the target, and those that it plays; None where its record does not say."""
    record = module.attributes.get(TARGET)
    facts = record.data if isinstance(record, DictionaryAttr) else {}
    has, plays = facts.get("features"), facts.get("emulates")
    if not isinstance(has, StringAttr):
        return None
    own = {flag[1:] for flag in has.data.split(",") if flag.startswith("+")}
    played = plays.data.split(",") if isinstance(plays, StringAttr) else []
    return frozenset(own.union(filter(None, played)))


def declared(module: ModuleOp) -> list[tensorized.InstructionOp]:
    """Every instruction in the module, also those whose features the target lacks."""
    return [op for op in module.body.block.ops if isinstance(op, tensorized.InstructionOp)]


def instructions(module: ModuleOp) -> list[tensorized.InstructionOp]:
    """The instructions that the target has."""
    has = features(module)
    return [op for op in declared(module) if has is None or op.features <= has]
