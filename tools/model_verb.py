"""`tenonc models`: list the benchmark models, or write them as ONNX files."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from .verb import Verb, add_debug


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listing = actions.add_parser("list", help="name the models")
    add_debug(listing)
    export = actions.add_parser("export", help="write a model as NAME.onnx")
    export.add_argument("names", nargs="+", metavar="NAME", help="a name that `list` shows, or `all`")
    export.add_argument(
        "--precision",
        default="fp32",
        metavar="KIND",
        help="fp32, or 8-bit integers made by onnxruntime's quantizer: int8-qdq, int8-qop (default: fp32)",
    )
    export.add_argument("--signed", action="store_true", help="signed 8-bit activations, not unsigned ones")
    export.add_argument(
        "--reduce-range",
        action="store_true",
        help="8-bit weights of 7 bits, whose products are summed fastest where there is no VNNI",
    )
    export.add_argument("-o", "--output", required=True, metavar="FOLDER", help="folder for the files")
    add_debug(export)


def models(arguments: argparse.Namespace) -> None:
    """List or export."""
    from .models import MODELS
    from .tables import print_table

    if arguments.what == "list":
        print_table("models", ("name", "what"), [(name, entry.summary) for name, entry in MODELS.items()])
    else:
        _export(arguments, list(MODELS) if arguments.names == ["all"] else arguments.names)


def _export(arguments: argparse.Namespace, names: list[str]) -> None:
    from ..compiler.atomic import check_folder, write_files
    from .models import build_model, check_known
    from .tables import print_table, progress

    kind = (arguments.precision, arguments.signed, arguments.reduce_range)
    check_known(names, *kind)
    folder = Path(arguments.output)
    check_folder(folder)
    rows: list[tuple[str, ...]] = []
    with progress("models") as step:
        for name in names:
            step(name)
            start = time.perf_counter()
            model = build_model(name, *kind)
            data = model.SerializeToString(deterministic=True)
            write_files(folder, {f"{name}.onnx": lambda path, data=data: path.write_bytes(data)})
            rows.append((f"{name}.onnx", f"{len(data):,}", f"{time.perf_counter() - start:.1f}"))
    print_table(str(folder), ("file", "bytes", "s"), rows)


VERB = Verb(
    "models",
    "list the benchmark models, or write them as ONNX files",
    "tenonc models export resnet50 --precision fp32 -o models/",
    _configure,
    models,
)
