"""What `tenonc prune` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tables import print_table

if TYPE_CHECKING:
    from ..compiler.pruning.driver import Pruned
    from ..compiler.pruning.verify import Check


def show(name: str, found: Pruned, check: Check | None) -> None:
    """Channels by group, sizes, what recovery won back, and how far masked and smaller model are apart."""
    rows = [
        (group.name, str(group.extent), str(group.extent - len(group.removed)), group.pinned or "")
        for group in found.groups
    ]
    print_table(f"{name}: channels by group", ("group", "before", "after", "why it stays"), rows)
    kinds = ("parameters", "multiplications")
    sizes = [
        (what, f"{before:,}", f"{after:,}", f"{after / max(1, before):.1%}")
        for what, before, after in zip(kinds, found.before, found.after, strict=True)
    ]
    print_table(f"{name}: size", ("", "before", "after", "of it"), sizes)
    layers = [
        (layer.name, layer.kind, f"{layer.before:.1%}", f"{layer.after:.1%}", layer.reason)
        for layer in found.recovered
        if layer.kind == "product"
    ]
    if layers:
        head = ("layer", "op", "upset", "after recovery", "why it stays")
        print_table(f"{name}: part of the results that masks upset", head, layers)
    if check is not None:
        show_check(name, check)


def show_check(name: str, check: Check) -> None:
    """How far masked and smaller model are apart."""
    exact = "interpreter" if check.quantized else "interpreter, f64"
    apart = [(exact, f"{check.exact:.1e}"), ("native", f"{check.native:.1e}")]
    print_table(f"{name}: masked and smaller model", ("", "apart, of the largest output"), apart)
