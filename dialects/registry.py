"""The table of dialects: name -> factory. A factory imports its module when it is called, not before.

A new dialect is one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.ir import Dialect

# Dialect name -> module (relative to this package) and the Dialect object in it.
_TABLE = {
    "nn": (".nn", "NN"),
    "qnn": (".qnn", "QNN"),
    "prune": (".prune", "PRUNE"),
    "tensorized": (".tensorized", "TENSORIZED"),
}


def _lazy(module: str, attribute: str) -> Callable[[], Dialect]:
    return lambda: getattr(import_module(module, __package__), attribute)


DIALECTS: dict[str, Callable[[], Dialect]] = {name: _lazy(*entry) for name, entry in _TABLE.items()}
"""Every dialect of the project, by the name its ops carry."""
