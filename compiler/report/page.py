"""A report as one HTML page that needs nothing else."""

from __future__ import annotations

from typing import Any

from .charts import grade, roofline, timeline
from .data import KernelReport, Report
from .templates import environment

FINDINGS = 10
"""Kernels that the page points at."""

WORTH = 0.005
"""The part of a run that a kernel which is only slow must lose to be pointed at."""


def page(report: Report) -> str:
    """The HTML text. Needs jinja2."""
    pages = environment()
    pages.filters |= {"ms": milliseconds, "size": size, "pct": percent, "num": number}
    pages.globals |= {"grade": grade}
    template = pages.get_template("page.html.j2")
    return template.render(
        report=report,
        roofline=roofline(report),
        timeline=timeline(report),
        findings=findings(report),
        flagged=sum(bool(kernel.flags) for kernel in report.kernels),
        flop_unit=unit(max((kernel.operations for kernel in report.kernels), default=0) / 100),
        byte_unit=unit(max((kernel.bytes for kernel in report.kernels), default=0)),
    )


def findings(report: Report) -> list[tuple[int, KernelReport]]:
    """The kernels with flags, with their numbers: those first that lose the most time."""
    least = WORTH * (report.kernels_ms or 0)
    found = [(n, kernel) for n, kernel in enumerate(report.kernels, 1) if _is_finding(kernel, least)]
    return sorted(found, key=lambda item: -_lost(item[1]))[:FINDINGS]


def _is_finding(kernel: KernelReport, least_ms: float) -> bool:
    return any(flag.kind != "slow" or _lost(kernel) >= least_ms for flag in kernel.flags)


def _lost(kernel: KernelReport) -> float:
    return kernel.measured.lost_ms if kernel.measured else 0.0


def milliseconds(value: float | None) -> str:
    """Three significant digits, at least three decimals shown below one."""
    if value is None:
        return "–"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 10 else f"{value:.3f}"


def percent(value: float | None) -> str:
    """A part of one, in percent."""
    return "–" if value is None else f"{100 * value:.0f}" if value >= 0.1 else f"{100 * value:.1f}"


def unit(largest: float) -> tuple[str, float]:
    """The prefix for a column of numbers up to `largest`, and what it stands for."""
    return next((u for u in (("G", 1e9), ("M", 1e6)) if largest >= u[1]), ("k", 1e3))


def number(value: Any) -> str:
    """A count, with separators."""
    return "–" if value is None else f"{value:,}"


def size(value: int) -> str:
    """Bytes, in the unit that leaves one to three digits before the point."""
    scaled, unit = float(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if scaled < 1000 or unit == "GiB":
            break
        scaled /= 1024
    return f"{value} B" if unit == "B" else f"{scaled:.3g} {unit}"
