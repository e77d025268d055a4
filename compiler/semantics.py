"""Checks that passes keep their promises, by running the module before and after each of them.

Every public function with static tensor arguments runs on seeded inputs in the reference interpreter.
Its results are compared, and so is every live value that can be named on both sides: an op's result whose
op carries the same `NameLoc` and whose type has the same shape and element type. Where several results
share name and type, the last one in program order is the named value (a lowering ends with it).
What may differ is the pass's class attribute `preserves` (compiler/promise.py).

A function that cannot run (an op without interpretation) is reported through `warn` and compared again
after the next pass that leaves it runnable, against all the promises made since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp, NameLoc, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import InterpretationError

from ..dialects.errors import TenonError
from .promise import Promise
from .seeded import complete_weights, is_static, seeded_array

Weights = Mapping[str, np.ndarray]
Key = tuple[str, tuple[int, ...], Attribute]

BlobHook = Callable[[ModuleOp, Weights], np.ndarray]
"""Makes the bytes (uint8, one dimension) of the weights blob that a bufferized function takes."""

# A fresh arena and fresh outputs hold NaNs, so that a read before the first write shows.
_UNWRITTEN = 0xFF


class BrokenPromise(TenonError):
    """A pass changed a value by more than it promised."""


@dataclass
class Trace:
    """One run of a function: its inputs, its results, and its named values."""

    inputs: list[np.ndarray]
    results: list[np.ndarray]
    live: dict[Key, np.ndarray] = field(default_factory=dict)


@dataclass
class _Listener(Interpreter.Listener):
    """Collects the named values of one function's body; nested regions run many times and are left out."""

    function: FuncOp
    live: dict[Key, np.ndarray] = field(default_factory=dict)

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        if not isinstance(op.location, NameLoc) or op.parent_op() is not self.function:
            return
        for result, value in zip(op.results, results, strict=True):
            type_ = result.type
            if isinstance(type_, TensorType) and is_static(type_):
                self.live[op.location.desc.data, type_.get_shape(), type_.element_type] = np.asarray(value)


@dataclass
class SemanticsChecker:
    """Observes a module between passes; `observe` raises BrokenPromise at the first value that broke one."""

    weights: Weights = field(default_factory=dict)
    seed: int = 0
    warn: Callable[[str], None] = print
    blob: BlobHook | None = None
    _last: dict[str, Trace] = field(default_factory=dict)
    _passes: dict[str, list[ModulePass]] = field(default_factory=dict)

    def observe(self, after: ModulePass | None, module: ModuleOp) -> None:
        """Runs `module` as `after` left it (None: as given) and compares it with the run before."""
        weights = complete_weights(module, self.weights)
        for function in public_functions(module):
            name = function.sym_name.data
            passes = self._passes.setdefault(name, [])
            if after is not None:
                passes.append(after)
            trace = self._run(module, function, weights, passes)
            if trace is None:
                continue
            if name in self._last:
                compare(name, passes, self._last[name], trace)
            self._last[name] = trace
            passes.clear()

    def _run(
        self, module: ModuleOp, function: FuncOp, weights: Weights, passes: list[ModulePass]
    ) -> Trace | None:
        from ..dialects.reference import interpreter

        name, when = function.sym_name.data, _when(passes)
        arguments = self._arguments(module, function, weights)
        if arguments is None:
            self.warn(f"warning: @{name} is not checked{when}: its arguments are not static tensors")
            return None
        inputs, outputs, rest = arguments
        listener = _Listener(function)
        machine = interpreter(module, weights)
        machine.listeners = (*machine.listeners, listener)
        try:
            results = machine.call_op(name, (*inputs, *outputs, *rest))
        except InterpretationError as error:
            self.warn(f"warning: @{name} is not checked{when}: {' '.join(str(error).split())}")
            return None
        except Exception as error:  # IR that verifies and yet cannot run is the pass's mistake
            raise BrokenPromise(f"@{name} fails to run{when}: {type(error).__name__}: {error}") from error
        return Trace(inputs, [np.asarray(value) for value in results or outputs], listener.live)

    def _arguments(
        self, module: ModuleOp, function: FuncOp, weights: Weights
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]] | None:
        """Inputs, outputs and the rest (weights blob, arena) to call a function with; None if unknown."""
        types = list(function.function_type.inputs)
        if not all(is_static(type_) for type_ in types):
            return None
        last = self._last.get(function.sym_name.data)
        if not types or not all(isinstance(type_, MemRefType) for type_ in types):
            name = function.sym_name.data
            return [seeded_array(t, self.seed, name, i) for i, t in enumerate(types)], [], []  # pyright: ignore
        if last is None:
            return None
        return self._buffers(module, types, last, weights)

    def _buffers(
        self, module: ModuleOp, types: list[Attribute], last: Trace, weights: Weights
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]] | None:
        """The bufferized form: (inputs..., outputs..., [weights blob,] arena), all memrefs."""
        given, made = len(last.inputs), len(last.results)
        inputs = [
            value.reshape(type_.get_shape()).copy()  # pyright: ignore
            for value, type_ in zip(last.inputs, types, strict=False)
        ]
        fresh = [_unwritten(type_) for type_ in types[given:]]  # pyright: ignore
        outputs, rest = fresh[:made], fresh[made:]
        if len(types) < given + made or len(rest) > 2 or (len(rest) == 2 and self.blob is None):
            return None
        if len(rest) == 2 and self.blob is not None:
            rest[0] = self.blob(module, weights).view(rest[0].dtype)
        return inputs, outputs, rest


def _unwritten(type_: MemRefType) -> np.ndarray:
    array = np.empty_like(seeded_array(type_, 0))
    array.view(np.uint8)[...] = _UNWRITTEN
    return array


def public_functions(module: ModuleOp) -> Iterator[FuncOp]:
    """The functions of a module that have a body and are not private."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and not op.is_declaration:
            if op.sym_visibility is None or op.sym_visibility.data != "private":
                yield op


def compare(function: str, passes: list[ModulePass], before: Trace, after: Trace) -> None:
    """Raises BrokenPromise naming pass, function and value where two runs differ by more than promised."""
    promise = sum((_promise(pass_) for pass_ in passes), Promise())
    if promise.nothing:
        return
    if _signature(before) != _signature(after):
        what = f"takes and returns {_signature(after)}, expected {_signature(before)}"
        raise BrokenPromise(f"{_names(passes)}: @{function} {what}")
    for index, (old, new) in enumerate(zip(before.results, after.results, strict=True)):
        _compare_value(f"{_names(passes)}: @{function} result {index}", promise, old, new)
    for key in before.live.keys() & after.live.keys():
        what = f"{_names(passes)}: @{function} value '{key[0]}'"
        _compare_value(what, promise, before.live[key], after.live[key])


def _compare_value(what: str, promise: Promise, before: np.ndarray, after: np.ndarray) -> None:
    if before.shape != after.shape:
        raise BrokenPromise(f"{what} has shape {after.shape}, expected {before.shape}")
    deviation = promise.broken_by(before, after)
    if deviation is not None:
        error, allowed = deviation.error, deviation.allowed
        raise BrokenPromise(f"{what}: max error {error:.3g} exceeds the promised {allowed:.3g}")


def _signature(trace: Trace) -> str:
    shapes = ["x".join(map(str, (*a.shape, a.dtype))) for a in (*trace.inputs, *trace.results)]
    given = len(trace.inputs)
    return f"({', '.join(shapes[:given])}) -> ({', '.join(shapes[given:])})"


def _promise(pass_: ModulePass) -> Promise:
    return Promise.parse(getattr(pass_, "preserves", "exact"))


def _names(passes: list[ModulePass]) -> str:
    plural = "es" if len(passes) > 1 else ""
    return f"pass{plural} '{', '.join(pass_.name for pass_ in passes)}'"


def _when(passes: list[ModulePass]) -> str:
    return f" after {_names(passes[-1:])}" if passes else ""
