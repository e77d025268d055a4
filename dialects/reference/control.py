"""Interpretation of functions and structured control flow.

xDSL has the same, but importing any one of its interpretations imports all of them (0.2 s of a compile).
"""

from __future__ import annotations

from itertools import product
from operator import eq, ge, gt, le, lt, ne

from xdsl.dialects import arith, func, scf
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    TerminatorValue,
    impl,
    impl_callable,
    impl_terminator,
    register_impls,
)
from xdsl.ir import Operation
from xdsl.utils.exceptions import InterpretationError

_COMPARISONS = (eq, ne, *(lt, le, gt, ge) * 2)
"""By the number of the predicate: equality, signed, unsigned."""


@register_impls
class ControlFunctions(InterpreterFunctions):
    """func.func, func.call, func.return; scf.for, scf.parallel, scf.if, scf.while, their terminators and
    comparisons."""

    @impl_callable(func.FuncOp)
    def call_function(self, interpreter: Interpreter, op: func.FuncOp, args: PythonValues) -> PythonValues:
        if op.is_declaration:
            return interpreter.call_external(op.sym_name.data, op, args)
        return interpreter.run_ssacfg_region(op.body, args, op.sym_name.data)

    @impl(func.CallOp)
    def call(self, interpreter: Interpreter, op: func.CallOp, args: PythonValues) -> PythonValues:
        return interpreter.call_op(op.callee, args)

    @impl_terminator(func.ReturnOp)
    def end_function(
        self, _: Interpreter, op: Operation, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()

    @impl(scf.ForOp)
    def run_for(self, interpreter: Interpreter, op: scf.ForOp, args: PythonValues) -> PythonValues:
        low, high, step, *carried = args
        values = tuple(carried)
        for index in range(low, high, step):
            values = interpreter.run_ssacfg_region(op.body, (index, *values), "scf.for")
        return values

    @impl(scf.ParallelOp)
    def run_parallel(self, interpreter: Interpreter, op: scf.ParallelOp, args: PythonValues) -> PythonValues:
        """One after another, the last first: what depends on their order would show."""
        rank = len(op.body.block.args)
        if len(args) > 3 * rank:
            raise InterpretationError("scf.parallel with a reduction is not supported")
        loops = [range(*args[i::rank]) for i in range(rank)]
        for indices in reversed(list(product(*loops))):
            interpreter.run_ssacfg_region(op.body, indices, "scf.parallel")
        return ()

    @impl_terminator(scf.ReduceOp)
    def end_part(
        self, _: Interpreter, op: Operation, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(()), ()

    @impl(arith.CmpiOp)
    def compare(self, _: Interpreter, op: arith.CmpiOp, args: PythonValues) -> PythonValues:
        """Of indices, which are Python's integers, never negative."""
        return (bool(_COMPARISONS[op.predicate.value.data](*args)),)

    @impl(scf.IfOp)
    def run_if(self, interpreter: Interpreter, op: scf.IfOp, args: PythonValues) -> PythonValues:
        region = op.true_region if args[0] else op.false_region
        return interpreter.run_ssacfg_region(region, ()) if region.blocks else ()

    @impl(scf.WhileOp)
    def run_while(self, interpreter: Interpreter, op: scf.WhileOp, args: PythonValues) -> PythonValues:
        values = args
        while True:
            condition, *forwarded = interpreter.run_ssacfg_region(op.before_region, values, "scf.while")
            if not condition:
                return tuple(forwarded)
            values = interpreter.run_ssacfg_region(op.after_region, tuple(forwarded), "scf.while")

    @impl_terminator(scf.YieldOp)
    def end_body(
        self, _: Interpreter, op: Operation, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()

    @impl_terminator(scf.ConditionOp)
    def end_test(
        self, _: Interpreter, op: Operation, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()
