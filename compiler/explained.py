"""Why a compiled model has the instructions and the schedules that it has."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from xdsl.passes import ModulePass

from .options import CompileOptions
from .pipeline import LEVELS, NOTED, NOTES, collector_paused, context, parse_pipeline

if TYPE_CHECKING:
    from ..passes.tensorize.remarks import Explanation
    from .model import Model


@dataclass(frozen=True)
class Explained:
    """How the instruction of each reduction was chosen, also of those that the target lacks, and by kernel
    lines of (what, why) on the schedules of contractions, and these schedules as text."""

    instructions: list[Explanation]
    schedules: dict[str, list[tuple[str, str]]]
    levels: dict[str, list[str]]


def explained(model: Model, options: CompileOptions) -> Explained:
    """Lowers a copy of the model to where instructions and schedules are chosen."""
    from ..dialects.tensorized import kernels
    from ..dialects.tensorized.attributes import level_text
    from ..passes.schedule.reasons import schedule_reasons
    from ..passes.tensorize.remarks import explanations
    from ..passes.tensorize.target import target_facts

    module, ctx = model.module.clone(), context()
    with collector_paused():
        for level in list(LEVELS)[: list(LEVELS).index("scheduled") + 1]:
            for one in parse_pipeline(LEVELS[level].format(**options.placeholders())):
                with_reasons(one).apply(ctx, module)
            for note in NOTES.values() if level == NOTED else ():
                note(module, model.store)
    facts = target_facts(module)
    known = {kernel.sym_name.data: kernel for kernel in kernels(module)}
    schedules = {name: list(schedule_reasons(kernel, facts)) for name, kernel in known.items()}
    levels = {name: [level_text(one) for one in kernel.schedule or ()] for name, kernel in known.items()}
    return Explained(list(explanations(module)), schedules, levels)


def with_reasons(one: ModulePass) -> ModulePass:
    """The pass with the option that has it say why, if it has one."""
    options = {"explain", "lacking"} & {field.name for field in fields(one)}
    return replace(one, **dict.fromkeys(options, True))
