"""Runs one backend case and says how it ended. Everything here happens in a worker process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..dialects.errors import TenonError
from .case_compare import Wrong, compare
from .failures import one_line
from .onnx_cases import Case

PASSED, REFUSED, WRONG, ERROR = "passed", "refused", "wrong", "error"
"""How a case ends: an `ERROR` is an exception of the compiler's own, a crash or a hang."""


@dataclass
class Outcome:
    """`status` is one of the above; `reason` one line; `bound` the inputs that were made constants, `folded`
    whether those were all of them (what ran then was the compiler, not its code)."""

    status: str
    reason: str = ""
    bound: list[str] = field(default_factory=list)
    folded: bool = False


class Runtime(Protocol):
    """Computes a model's outputs; `constants` are those of its inputs that it may treat as known."""

    def __call__(
        self, model: Any, inputs: Mapping[str, Any], constants: Mapping[str, Any]
    ) -> Sequence[Any]: ...


def run_native(model: Any, inputs: Mapping[str, Any], constants: Mapping[str, Any]) -> Sequence[Any]:
    """The model compiled for this machine."""
    from .. import compiler
    from ..targets.llvm.artifact import NativeArtifact

    others = {name: value for name, value in inputs.items() if name not in constants}
    for name, value in others.items():
        if not isinstance(value, np.ndarray):
            raise TenonError(f"input '{name}': is not a tensor")
    shapes = {name: value.shape for name, value in others.items()}
    exe = compiler.compile(compiler.load(model, shapes=shapes, constants=constants), cache=False)
    if isinstance(exe.artifact, NativeArtifact):
        exe.artifact.dirty_arena()
    return exe(others) if others else exe()


def run_onnxruntime(model: Any, inputs: Mapping[str, Any], constants: Mapping[str, Any]) -> Sequence[Any]:
    """onnxruntime, for comparison. What it raises is its way to refuse."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session.run(None, dict(inputs))
    except Exception as error:
        raise TenonError(one_line(error)[:300]) from error


RUNTIMES: dict[str, Runtime] = {"tenonc": run_native, "onnxruntime": run_onnxruntime}


@dataclass(frozen=True)
class CaseRunner:
    """Runs cases on the runtime of that name; pickles, as a worker's function must."""

    runtime: str = "tenonc"

    def __call__(self, case: Case) -> Outcome:
        import onnx

        model = onnx.load_from_string(case.model)
        outcome = Outcome(PASSED)
        for inputs, expected in case.sets:
            outcome = _run_set(RUNTIMES[self.runtime], case, model, inputs, expected)
            if outcome.status != PASSED:
                break
        return outcome


def _run_set(
    runtime: Runtime, case: Case, model: Any, inputs: Sequence[Any], expected: Sequence[Any]
) -> Outcome:
    weights = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in weights]
    given = dict(zip(names, inputs, strict=True))
    refusal: TenonError | None = None
    for bound in _bindings(given):
        constants = {name: given[name] for name in bound}
        outcome = Outcome(PASSED, bound=bound, folded=bool(given) and len(bound) == len(given))
        try:
            compare(runtime(model, given, constants), expected, case.rtol, case.atol)
            return outcome
        except Wrong as error:
            outcome.status, outcome.reason = WRONG, one_line(error)
            return outcome
        except TenonError as error:
            # What is refused with an input bound says less than the refusal that made us bind it.
            refusal = refusal or error
            if not _wants_constant(error):
                refusal = error
                break
        except Exception as error:
            outcome.status, outcome.reason = ERROR, f"{type(error).__name__}: {one_line(error)[:300]}"
            return outcome
    return Outcome(REFUSED, one_line(refusal or TenonError("nothing was tried")))


def _wants_constant(error: TenonError) -> bool:
    return "compile time" in str(error) or "constant" in str(error)


def _bindings(given: Mapping[str, Any]) -> Iterator[list[str]]:
    """Sets of inputs to make constants, one after the other while the model is refused for want of one:
    none, then what ops take as parameters (shapes, axes, scales), then also the first input, the data."""
    arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    small = [name for name, a in arrays.items() if a.ndim <= 1 and a.size <= 64]
    data = next(iter(given), None)
    integers = [name for name in small if arrays[name].dtype.kind in "iub"]
    tried: list[list[str]] = []
    parameters = [n for n in integers if n != data], [n for n in small if n != data]
    for bound in ([], *parameters, integers, small):
        if bound not in tried:
            tried.append(bound)
            yield bound
