"""What the project adds to xDSL's drivers, as the entry point `xdsl.universe` announces it.

Through it the stock `xdsl-opt` and `tenon-opt` see the same dialects, passes and targets. xDSL refuses
a name that two universes define. Only tables are loaded here: each factory imports on first use.
"""

from collections.abc import Callable

from xdsl.universe import Universe
from xdsl.utils.target import Target

from ..dialects.registry import DIALECTS
from ..passes.registry import PASSES
from ..targets.registry import TARGET_PASSES, TARGETS


def _renamed(name: str, factory: Callable[[], type[Target]]) -> Callable[[], type[Target]]:
    """The target under another name: a target's class must carry the name it is asked for by."""
    return lambda: type(factory().__name__, (factory(),), {"name": name})


UNIVERSE = Universe(
    all_dialects=dict(DIALECTS),
    all_passes=PASSES | TARGET_PASSES,
    # xDSL has a target `llvm` of its own: beside it ours are called `tenon-llvm`, `tenon-asm`.
    all_targets={f"tenon-{name}": _renamed(f"tenon-{name}", factory) for name, factory in TARGETS.items()},
)
