"""torch modules, through torch's own ONNX exporter.

The graph is taken as the exporter traced it, before its optimizer: that would fold batch norms and rename
weights, and everything it simplifies the importer folds as well."""

from __future__ import annotations

import io
import logging
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

from ..dialects.errors import TenonError, UsageError
from .torch_quantized import translations

if TYPE_CHECKING:
    import torch
    from onnx import ModelProto
    from typing_extensions import TypeIs

OPSET = 20

ANSI_CODE = re.compile(r"\x1b\[[0-9;]*m")


def is_torch_module(source: Any) -> TypeIs[torch.nn.Module | torch.export.ExportedProgram]:
    """Whether `source` is a `torch.nn.Module`, or one exported; torch is not imported to find out."""
    module, export = sys.modules.get("torch.nn"), sys.modules.get("torch.export")
    exported = export is not None and isinstance(source, export.ExportedProgram)
    return exported or (module is not None and isinstance(source, module.Module))


def onnx_of_module(module: torch.nn.Module | torch.export.ExportedProgram, example_inputs: Any) -> ModelProto:
    """`module` in evaluation mode as ONNX. `example_inputs` is what it is called with: a tensor, a sequence
    of arguments or a mapping of keyword arguments; their shapes become those of the model. An exported
    program has its own."""
    import torch

    exported = isinstance(module, torch.export.ExportedProgram)
    if exported != (example_inputs is None):
        what = "an exported program has its own" if exported else "a torch module needs"
        raise UsageError(f"{what} example_inputs, what it is called with")
    arguments, named = _arguments(example_inputs)
    with nullcontext() if exported else _evaluating(module), quiet_exporter():
        try:
            program = torch.onnx.export(
                module,
                arguments,
                kwargs=named,
                dynamo=True,
                custom_translation_table=translations(),
                optimize=False,
                opset_version=OPSET,
                verbose=False,
            )
        except ImportError as error:
            raise TenonError(
                f"a torch module needs the extra torch (pip install 'tenonc[torch]'): {error}"
            ) from None
        except Exception as error:
            raise TenonError(f"torch cannot export {type(module).__name__}: {_reason(error)}") from error
    assert program is not None
    return program.model_proto


def _arguments(example_inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    import torch

    if example_inputs is None:
        return (), {}
    if isinstance(example_inputs, Mapping):
        return (), dict(example_inputs)
    one = isinstance(example_inputs, torch.Tensor)
    return (example_inputs,) if one else tuple(example_inputs), {}


def _reason(error: BaseException) -> str:
    """What made the exporter fail: the exceptions it wraps around it say how to report bugs of torch."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = ANSI_CODE.sub("", str(error))
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return line.rstrip(".")


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """While dropout is off and batch norms use their statistics; then each submodule is as it was. What
    torch.export made, as quantized programs are, was exported in one of the modes and has no other."""
    training = [part for part in module.modules() if part.training]
    with suppress(NotImplementedError):
        module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """The exporter tells of optional packages that are not there, and prints the graph where it fails."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    dropped = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(dropped), redirect_stderr(dropped):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
