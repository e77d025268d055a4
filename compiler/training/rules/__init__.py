"""One small rule for each nn op: the torch function that computes it."""

from . import elementwise, index, linear, mask, movement, spatial  # noqa: F401  their rules register themselves
from .registry import RULES as RULES
from .registry import Run as Run
