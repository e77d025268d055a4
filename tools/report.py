"""The reports that `tenonc compile --report FILE` writes: measured once, whatever their number and format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import compiler
from ..compiler.atomic import check_file, write_file
from .tables import progress


def check_reports(files: Sequence[str]) -> list[Path]:
    """The paths of the reports; raises, before any work, for one that could not be written."""
    from ..compiler.report import check_format

    paths = [Path(file) for file in dict.fromkeys(files)]
    for path in paths:
        check_format(path)
        check_file(path)
    return paths


def report_texts(
    exe: compiler.Executable, model: compiler.Model, name: str, paths: Sequence[Path]
) -> dict[Path, str]:
    """The text of each report on `exe`, compiled from `model` of the file `name`."""
    if not paths:
        return {}
    from ..compiler.report import rendered
    from ..compiler.report.collect import collect

    with progress(name) as on_step:
        on_step("measuring")
        report = collect(exe, Path(name).stem, model=model)
    return {path: rendered(report, path) for path in paths}


def quantized_summary(exe: compiler.Executable, model: compiler.Model) -> str:
    """How much of a quantized model stays float, in a line; nothing of other models."""
    from ..passes.qdq.reasons import is_quantized, reasons_of
    from ..targets.llvm.artifact import NativeArtifact

    if not is_quantized(model.module) or not isinstance(exe.artifact, NativeArtifact):
        return ""
    assert exe.artifact.module is not None
    reasons = Counter(row["reason"] for row in reasons_of(exe.artifact.module))
    if not reasons:
        return "all ops of the quantized model compute on integers"
    (most, count), total = reasons.most_common(1)[0], reasons.total()
    stay = "1 op of the quantized model stays" if total == 1 else f"{total} ops of the quantized model stay"
    return f"{stay} float, {count} since {most}; --report lists them"


def write_reports(texts: Mapping[Path, str]) -> None:
    """Each file whole or not at all."""
    for path, text in texts.items():
        write_file(path, lambda place, text=text: place.write_text(text, encoding="utf-8"))
