"""A page about a compiled model: where its time goes, and why.

`collect` makes a `Report` of an executable, `rendered` HTML or JSON of that. docs/report.md explains both.
"""

from __future__ import annotations

from .data import Report
from .write import check_format, rendered, write_report

__all__ = ["Report", "check_format", "rendered", "write_report"]
