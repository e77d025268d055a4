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
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from ..dialects.errors import TenonError, UsageError

if TYPE_CHECKING:
    import torch
    from onnx import ModelProto
    from typing_extensions import TypeIs

OPSET = 20

ANSI_CODE = re.compile(r"\x1b\[[0-9;]*m")


def is_torch_module(source: Any) -> TypeIs[torch.nn.Module]:
    """Whether `source` is a `torch.nn.Module`; torch is not imported to find out."""
    module = sys.modules.get("torch.nn")
    return module is not None and isinstance(source, module.Module)


def onnx_of_module(module: torch.nn.Module, example_inputs: Any) -> ModelProto:
    """`module` in evaluation mode as ONNX. `example_inputs` is what it is called with: a tensor, a sequence
    of arguments or a mapping of keyword arguments; their shapes become those of the model."""
    import torch

    if example_inputs is None:
        raise UsageError("a torch module needs example_inputs, what it is called with")
    if isinstance(example_inputs, Mapping):
        arguments, named = (), dict(example_inputs)
    else:
        one = isinstance(example_inputs, torch.Tensor)
        arguments, named = (example_inputs,) if one else tuple(example_inputs), {}
    with _evaluating(module), quiet_exporter():
        try:
            program = torch.onnx.export(
                module,
                arguments,
                kwargs=named,
                dynamo=True,
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


def _reason(error: BaseException) -> str:
    """What made the exporter fail: the exceptions it wraps around it say how to report bugs of torch."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = ANSI_CODE.sub("", str(error))
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return line.rstrip(".")


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """While dropout is off and batch norms use their statistics; then each submodule is as it was."""
    training = [part for part in module.modules() if part.training]
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
