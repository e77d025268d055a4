"""Checks that passes keep their promises, by running the module before and after each of them.

Every public function with static tensor arguments runs on seeded inputs in the reference interpreter.
Its results are compared, and so is every live value that can be named on both sides: an op's result whose
op carries the same `NameLoc` and whose type has the same shape and element type. Where several results
share name and type, the last one in program order is the named value (a lowering ends with it). Values known
at compile time are not compared by name.
What may differ is the pass's class attribute `preserves` (compiler/promise.py).

A function that cannot run (an op without interpretation) is reported through `warn` and compared again
after the next pass that leaves it runnable, against all the promises made since.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp, NameLoc, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import InterpretationError

from ..dialects.errors import TenonError
from ..dialects.nn import WeightStore, compile_time_values, numpy_dtype
from ..dialects.reference import interpreter
from .promise import Promise
from .seeded import SeededStore, is_static, seeded_array

Key = tuple[str, tuple[int, ...], Attribute]

Arrays = list[np.ndarray]

BlobHook = Callable[[ModuleOp, WeightStore], np.ndarray]
"""Makes the bytes (uint8, one dimension) of the weights blob that a bufferized function takes."""

# A fresh arena and fresh outputs hold NaNs, so that a read before the first write shows.
_UNWRITTEN = 0xFF


class _NotRunnable(Exception):
    """Why a function cannot be called."""


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
    """Collects the named values of one function's body; nested regions run many times and are left out, and
    so is what depends on no argument: arithmetic on weights goes by the name of the op it is for."""

    function: FuncOp
    live: dict[Key, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = compile_time_values(self.function.body.block.ops)

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        if not isinstance(op.location, NameLoc) or op.parent_op() is not self.function:
            return
        if self.known.issuperset(op.results):
            return
        for result, value in zip(op.results, results, strict=True):
            type_ = result.type
            if isinstance(type_, TensorType) and is_static(type_):
                self.live[op.location.desc.data, type_.get_shape(), type_.element_type] = np.asarray(value)


@dataclass
class SemanticsChecker:
    """Observes a module between passes; `observe` raises BrokenPromise at the first value that broke one."""

    weights: WeightStore = field(default_factory=WeightStore)
    seed: int = 0
    warn: Callable[[str], None] = print
    blob: BlobHook | None = None
    _last: dict[str, Trace] = field(default_factory=dict)
    _passes: dict[str, list[ModulePass]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._store = SeededStore(self.weights)

    def observe(self, after: ModulePass | None, module: ModuleOp) -> None:
        """Runs `module` as `after` left it (None: as given) and compares it with the run before."""
        self._store.complete(module)
        for function in public_functions(module):
            name = function.sym_name.data
            passes = self._passes.setdefault(name, [])
            if after is not None:
                passes.append(after)
            trace = self._run(module, function, passes)
            if trace is None:
                continue
            if name in self._last:
                compare(name, passes, self._last[name], trace)
            self._last[name] = trace
            passes.clear()

    def _run(self, module: ModuleOp, function: FuncOp, passes: list[ModulePass]) -> Trace | None:
        name, when = function.sym_name.data, _when(passes)
        try:
            trace = self._call(module, function)
        except (_NotRunnable, InterpretationError) as error:
            self.warn(f"warning: @{name} is not checked{when}: {' '.join(str(error).split())}")
            return None
        except Exception as error:  # IR that verifies and yet cannot run is the pass's mistake
            raise BrokenPromise(f"@{name} fails to run{when}: {type(error).__name__}: {error}") from error
        for index, result in enumerate(trace.results):
            if result.dtype.kind == "f" and result.size and np.isnan(result).all():
                self.warn(f"warning: @{name} result {index} is all NaN{when}: comparing it shows nothing")
        return trace

    def _call(self, module: ModuleOp, function: FuncOp) -> Trace:
        types = list(function.function_type.inputs)
        if not all(is_static(type_) for type_ in types):
            raise _NotRunnable("its arguments are not static tensors")
        name = function.sym_name.data
        if types and all(isinstance(type_, MemRefType) for type_ in types):
            inputs, outputs, rest = self._buffers(module, name, types)  # pyright: ignore
        else:
            outputs, rest = [], []
            inputs = [self._argument(name, i, type_) for i, type_ in enumerate(types)]  # pyright: ignore
        machine = interpreter(module, self._store)
        listener = _Listener(function)
        machine.listeners = (*machine.listeners, listener)
        results = machine.call_op(name, (*inputs, *outputs, *rest))
        return Trace(inputs, [np.asarray(value) for value in results or outputs], listener.live)

    def _argument(self, name: str, index: int, type_: TensorType) -> np.ndarray:
        """What argument `index` was in the run before, if it is the same bits; else seeded."""
        last = self._last[name].inputs if name in self._last else []
        dtype = numpy_dtype(type_.element_type)
        if index < len(last) and (last[index].shape, last[index].dtype) != (type_.get_shape(), dtype):
            if last[index].shape == type_.get_shape() and _signless(last[index].dtype) == _signless(dtype):
                return last[index].view(dtype)
        return seeded_array(type_, self.seed, name, index)

    def _buffers(self, module: ModuleOp, name: str, types: list[MemRefType]) -> tuple[Arrays, Arrays, Arrays]:
        """Inputs, outputs and the rest of the bufferized form: (inputs..., outputs..., [weights,] arena)."""
        if name not in self._last:
            raise _NotRunnable("its form over tensors, which tells inputs from outputs, was not seen")
        last = self._last[name]
        given, made = len(last.inputs), len(last.results)
        sizes = [math.prod(type_.get_shape()) for type_ in types]
        if sizes[: given + made] != [array.size for array in (*last.inputs, *last.results)]:
            raise _NotRunnable("its buffers are not the inputs and outputs of its form over tensors")
        inputs = [a.reshape(t.get_shape()).copy() for a, t in zip(last.inputs, types, strict=False)]
        fresh = [_unwritten(type_) for type_ in types[given:]]
        outputs, rest = fresh[:made], fresh[made:]
        if len(rest) == 2:  # with a weights blob before the arena
            if self.blob is None:
                raise _NotRunnable("nothing makes its weights blob")
            rest[0] = self.blob(module, self._store).view(rest[0].dtype)
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
    shapes = ["x".join(map(str, (*a.shape, _signless(a.dtype)))) for a in (*trace.inputs, *trace.results)]
    given = len(trace.inputs)
    return f"({', '.join(shapes[:given])}) -> ({', '.join(shapes[given:])})"


def _signless(dtype: np.dtype) -> np.dtype:
    """Signs of integers are the ops' matter below nn."""
    return np.dtype(f"i{dtype.itemsize}") if dtype.kind == "u" else dtype


def _promise(pass_: ModulePass) -> Promise:
    return Promise.parse(getattr(pass_, "preserves", "exact"))


def _names(passes: list[ModulePass]) -> str:
    plural = "es" if len(passes) > 1 else ""
    return f"pass{plural} '{', '.join(pass_.name for pass_ in passes)}'"


def _when(passes: list[ModulePass]) -> str:
    return f" after {_names(passes[-1:])}" if passes else ""
