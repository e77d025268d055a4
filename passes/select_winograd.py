"""select-winograd: 3x3 convolutions that Winograd's algorithm computes in less time.

Expects primitive nn ops (`decompose-nn`). Leaves `nn.winograd_input`, a batched `nn.matmul` with the
transformed weights (`nn.winograd_weights`, compile-time) and `nn.winograd_output` in the place of an
`nn.conv` of f32 (no widened 16-bit floats), 3x3 in steps of one and without groups, if the estimate of one of
the tiles is clearly below that of the convolution.

Where the transformed tensors of an image are larger than the cache, the three steps run for one stripe of it
after another (`passes/decompose/winograd.py`), and with them the elementwise ops that follow.

What it saves is arithmetic: 36 products where 144 were (tile 4), 16 where 36 were (tile 2). What it costs:
weights 4 times the size (16 / 9 for tile 2), which come from memory in every call, tiles that reach past the
image, and the transforms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.passes import ModulePass

from ..dialects import nn
from ..dialects.errors import TenonError
from ..dialects.nn.cook_toom import POINTS, TAPS
from ..dialects.nn.winograd import tile_counts
from .decompose.winograd import CACHE_BYTES, decompose_winograd, moved_bytes, stripe_rows

TILES = ("auto", "off", *POINTS)

# Cycles of a core with two 512-bit multiply-adds a cycle; where arithmetic takes more of them the algorithm
# gains more. Lanes are those of f32.
LANES, F32_BYTES = 16, 4
MULTIPLY_ADDS = 2
# An accumulator's start and end, in cycles: why few channels to sum up do not pay.
ACCUMULATOR_CYCLES = 3
# Weights from memory beside the arithmetic; measured 6 to 8.
MEMORY_BYTES_PER_CYCLE = 7
# A register of a tile through the input's transform and into memory, and out of it through the output's.
INPUT_CYCLES, OUTPUT_CYCLES = 4.5, 3.5
# The estimate must be this much better: it rounds differently, and takes more memory.
GAIN = 0.85


@dataclass(frozen=True)
class SelectWinogradPass(ModulePass):
    """`tile`: outputs of a tile along each dimension, `auto` for the one that wins, if any, or `off`."""

    name = "select-winograd"
    preserves: ClassVar[str] = "reassociates(1e-5)"
    tile: str | int = "auto"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.tile not in TILES:
            raise TenonError(f"select-winograd: tile is {self.tile}, expected {', '.join(map(str, TILES))}")
        if self.tile == "off":
            return
        for conv in [found for found in op.walk() if isinstance(found, nn.ConvOp) and is_eligible(found)]:
            tile = best_tile(conv) if self.tile == "auto" else int(self.tile)
            if tile is not None:
                decompose_winograd(conv, tile)


def is_eligible(conv: nn.ConvOp) -> bool:
    """Whether the algorithm computes `conv`: 3x3 in steps of one, weights known at compile time, f32, several
    channels, and a result that is not empty."""
    window = conv.window
    return (
        window.kernel == (TAPS, TAPS)
        and 0 not in conv.shape
        and min(nn.tensor_of(conv.w).get_shape()[:2]) > 1
        and set(window.strides) == set(window.dilations) == {1}
        and conv.value_of("groups") == 1
        and conv.type.element_type == f32
        and nn.is_compile_time(conv.w)
        and not nn.is_compile_time(conv.x)
        and not _is_narrow(conv)
    )


def _is_narrow(conv: nn.ConvOp) -> bool:
    """Whether it multiplies 16-bit floats: instructions for those take less time than the algorithm, which
    would multiply sums of them in f32."""
    casts = [v.owner for v in (conv.x, conv.w) if isinstance(v.owner, nn.CastOp)]
    return any(nn.is_half(nn.tensor_of(cast.x).element_type) for cast in casts)


def best_tile(conv: nn.ConvOp) -> int | None:
    """The tile with the least estimated cycles; None if that is not clearly less than the convolution's."""
    estimates = {tile: winograd_cycles(conv, tile) for tile in POINTS}
    best = min(estimates, key=lambda tile: estimates[tile])
    return best if estimates[best] < GAIN * conv_cycles(conv) else None


def conv_cycles(conv: nn.ConvOp) -> float:
    """Estimated cycles of the convolution as it is."""
    images, outputs, height, width = conv.shape
    steps = TAPS * TAPS * nn.tensor_of(conv.x).get_shape()[1]
    return _product_cycles(1, images * height * width, steps, outputs)


def winograd_cycles(conv: nn.ConvOp, tile: int) -> float:
    """Estimated cycles of the three steps in tiles of `tile`."""
    images, outputs, *extents = conv.shape
    channels, positions = nn.tensor_of(conv.x).get_shape()[1], (tile + TAPS - 1) ** 2
    tiles = images * math.prod(tile_counts(extents, tile))
    made, used = (positions * tiles * -(-n // LANES) for n in (channels, outputs))
    whole = stripe_rows(conv, tile) >= tile_counts(extents, tile)[0]
    moved = moved_bytes(conv, tile)
    spilled = 2 * moved / MEMORY_BYTES_PER_CYCLE if whole and moved > CACHE_BYTES else 0
    transforms = made * INPUT_CYCLES + used * OUTPUT_CYCLES + spilled
    return _product_cycles(positions, tiles, channels, outputs) + transforms


def _product_cycles(count: int, rows: int, steps: int, columns: int) -> float:
    """`count` matrix products: the arithmetic, or fetching the right-hand sides if that takes longer."""
    panels = -(-columns // LANES)
    arithmetic = count * rows * panels * (steps / MULTIPLY_ADDS + ACCUMULATOR_CYCLES)
    return max(arithmetic, count * steps * panels * LANES * F32_BYTES / MEMORY_BYTES_PER_CYCLE)
