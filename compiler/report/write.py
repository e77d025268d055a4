"""Reports as files: the format goes by the suffix."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...dialects.errors import TenonError, UsageError
from ..atomic import check_file, write_file
from .data import Report

if TYPE_CHECKING:
    from ..executable import Executable
    from ..model import Model


def _html(report: Report) -> str:
    from .page import page

    return page(report)


def _json(report: Report) -> str:
    return json.dumps(report.as_json(), indent=1, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {".html": _html, ".json": _json}
"""Suffix of a file -> what makes its text."""


def check_format(path: Path) -> None:
    """Raises early where no report can have that suffix, or what makes it is not installed."""
    if path.suffix not in FORMATS:
        raise UsageError(f"{path}: suffix is '{path.suffix}', expected {' or '.join(FORMATS)}")
    if path.suffix == ".html" and find_spec("jinja2") is None:
        raise TenonError(f"{path}: a report as html needs jinja2: pip install 'tenonc[report]'")


def rendered(report: Report, path: Path) -> str:
    """The report in the format of the file `path`."""
    check_format(path)
    return FORMATS[path.suffix](report)


def write_report(
    exe: Executable,
    path: Path,
    title: str,
    inputs: Mapping[str, Any] | None,
    seconds: float,
    model: Model | None = None,
) -> Report:
    """Collects the report of `exe` and writes it, whole or not at all."""
    from .collect import collect

    check_format(path)
    check_file(path)
    report = collect(exe, title, inputs, seconds, model)
    text = rendered(report, path)
    write_file(path, lambda place: place.write_text(text, encoding="utf-8"))
    return report
