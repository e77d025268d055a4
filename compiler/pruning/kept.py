"""Models of finished rounds in a folder: IR as text, weights beside it."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError

from ...dialects import nn
from ...dialects.errors import TenonError
from ..atomic import write_files
from ..model import Model
from ..pipeline import context


def keep_model(folder: Path, stem: str, model: Model) -> None:
    """Writes `stem`.mlir and `stem`.safetensors, both or none."""
    text = model_text(model)
    write_files(
        folder,
        {f"{stem}.safetensors": model.store.save, f"{stem}.mlir": partial(_write, text)},
    )


def kept_model(folder: Path, stem: str, like: Model) -> Model:
    """What `keep_model` wrote; its name and which weights the file held are those of `like`. Raises
    TenonError where a file is missing or not what was written."""
    path = folder / f"{stem}.mlir"
    try:
        module = Parser(context(), path.read_text(encoding="utf-8"), str(path)).parse_module()
        module.verify()
        store = nn.WeightStore.load(folder / f"{stem}.safetensors")
    except (OSError, ParseError, ValueError) as error:
        raise TenonError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    return Model(module, store, {}, like.name, like.weights)


def model_text(model: Model) -> str:
    """The IR with the names of its values."""
    stream = io.StringIO()
    Printer(stream=stream, print_debuginfo=True).print_op(model.module)
    return stream.getvalue() + "\n"


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
