"""The candidates: they fit, they differ, and they compute what the rules' schedule computes."""

from dataclasses import replace
from itertools import islice

import pytest
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.parser import Parser

from tenonc.compiler.pipeline import context, run_levels
from tenonc.compiler.tuning.kernel_module import (
    kernel_key,
    kernel_module,
    kernel_of,
    parse_schedule,
    schedule_text,
)
from tenonc.compiler.tuning.space import Space
from tenonc.compiler.tuning.work import Work, build, deviation
from tenonc.dialects import tensorized
from tenonc.passes.schedule_kernels import ScheduleKernelsPass


def kind(alone) -> str:
    ops = kernel_of(alone).body.block.ops
    if any(isinstance(op, tensorized.ContractOp) for op in ops):
        return "contraction"
    reduces = any(isinstance(op, tensorized.GenericOp) and op.is_reduction for op in ops)
    return "rows" if reduces else "elementwise"


@pytest.fixture
def padded(options) -> ModuleOp:
    """An elementwise kernel of two long loops that are not merged."""
    text = """func.func @main(%x: tensor<28x28xf32>) -> tensor<32x32xf32> {
      %a = nn.elementwise abs(%x) : (tensor<28x28xf32>) -> tensor<28x28xf32>
      %p = nn.pad(%a) low [2, 2] high [2, 2] value 0.0 : (tensor<28x28xf32>) -> tensor<32x32xf32>
      func.return %p : tensor<32x32xf32>
    }"""
    module = Parser(context(), text).parse_module()
    run_levels(module, options, "nn", "matched")
    (kernel, *_) = tensorized.kernels(module)
    return kernel_module(module, kernel)


def test_every_candidate_fits(alone, padded):
    kinds: dict[str, int] = {}
    for module in [*alone.values(), padded]:
        for candidate in Space(module).candidates(None):
            copy = module.clone()
            levels = parse_schedule(candidate.schedule)
            assert schedule_text(levels) == candidate.schedule
            kernel_of(copy).properties["schedule"] = ArrayAttr(levels)
            ScheduleKernelsPass().apply(context(), copy)
            kinds[kind(module)] = kinds.get(kind(module), 0) + 1
    assert kinds.keys() == {"contraction", "rows", "elementwise"}


def test_a_contraction_has_tiles_in_the_order_of_their_estimate_and_variants(alone):
    space = Space(alone["block1_norm1"])
    candidates = list(space.candidates(None))
    assert len({c.schedule for c in candidates}) > 15
    assert space.ruled in {c.schedule for c in candidates}
    assert all(c.choice is not None for c in candidates)
    flipped = [c for c in candidates if c.choice and not c.choice["prefetch"]]
    assert flipped and flipped[0].choice["tile"] == Space(alone["block1_norm1"])._choice().tile
    best = candidates[3].choice
    around = [c.choice for c in Space(alone["block1_norm1"]).candidates(best)]
    assert {**best, "prefetch": not best["prefetch"]} in around


def test_candidates_compute_the_same(alone, options):
    """One of each kind, a few candidates each; sums may be taken in another order."""
    of_kind = {kind(module): module for module in alone.values()}
    for module in of_kind.values():
        space = Space(module)
        others = [c.schedule for c in space.candidates(None) if c.schedule != space.ruled]
        ruled = Work(str(module), None, options)
        for schedule in islice(others, 0, None, max(1, len(others) // 3)):
            assert deviation(ruled, Work(str(module), schedule, options)) < 1e-5, schedule


def test_the_key_is_that_of_the_kernel_not_of_its_name(matched, alone, options):
    keys = {name: kernel_key(module, options) for name, module in alone.items()}
    assert len(set(keys.values())) == len(keys)
    renamed = matched.clone()
    for kernel in tensorized.kernels(renamed):
        kernel.properties["sym_name"] = type(kernel.sym_name)(kernel.sym_name.data + "_other")
    from tenonc.compiler.tuning.kernel_module import kernel_module

    again = {kernel_key(kernel_module(renamed, k), options) for k in tensorized.kernels(renamed)}
    assert again == set(keys.values())
    assert kernel_key(alone["block1_norm1"], replace(options, target="host")) not in again


def test_a_kernel_by_itself_is_built_from_text(alone, options):
    built = build(Work(str(alone["block1_norm1"]), None, options))
    assert built.code[:4] == b"\x7fELF" and built.weight_bytes >= 4 * 16 * 16 * 9
    assert [port.shape for port in built.inputs] == [(1, 10, 160)]
    with pytest.raises(Exception, match="the schedule names loop q"):
        build(Work(str(alone["block1_norm1"]), "[order [q]]", options))


def test_run_levels_is_the_pipeline(matched, digits, options):
    from tenonc import compiler

    whole = compiler.load(digits).module.clone()
    run_levels(whole, options, "nn", "matched")
    assert str(whole) == str(matched)
