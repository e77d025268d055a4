"""`tenonc bench`: whole models against other runtimes, or single kernels against the machine's peak."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import TenonError, UsageError
from .arguments import check_count, check_seconds, check_tolerance, words
from .verb import Verb, add_model_options

if TYPE_CHECKING:
    from .model_bench import ModelResult

PEERS = ("onnxruntime", "openvino")

TOLERANCES = {"fp32": 1e-3, "bf16": 5e-2, "int8-dynamic": 1e-1}
"""The default by precision."""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="an ONNX file, or a name that `tenonc models list` shows; NAME@int8: quantized by onnxruntime, "
        "NAME@int8-reduced: with weights of 7 bits; the peers run it in both formats and the faster counts",
    )
    parser.add_argument("--kernels", action="store_true", help="measure kernels (MODEL: part of a name)")
    parser.add_argument(
        "--vs", default=",".join(PEERS), metavar="PEERS", help=f"of {','.join(PEERS)}, or none (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="measurements each (default: 9)")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement (default: 0.3)")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="T",
        help="largest deviation (default: 1e-3, bf16: 5e-2, int8-dynamic: 1e-1)",
    )
    parser.add_argument(
        "--dense",
        metavar="FILE",
        help="the model that MODEL was pruned from: how much faster it is, at how many fewer multiplications",
    )
    parser.add_argument("--json", metavar="FILE", help="write the results here too")
    add_model_options(parser)


def bench(arguments: argparse.Namespace) -> None:
    """Measure what the command line names, and fail where a model fails or is wrong."""
    from ..compiler.atomic import check_file
    from .verbs import options_of

    options_of(arguments)  # bad ones are an error before any work
    check_count("--rounds", arguments.rounds, 1)
    check_seconds(arguments.seconds)
    if arguments.tolerance is None:
        arguments.tolerance = TOLERANCES.get(arguments.precision, 1e-3)
    check_tolerance(arguments.tolerance)
    if arguments.json:
        check_file(Path(arguments.json))
    if arguments.dense and (arguments.kernels or len(arguments.models) != 1):
        raise UsageError("--dense is about one MODEL, the pruned one")
    if arguments.kernels:
        from .kernel_bench import bench_kernels

        bench_kernels(
            arguments.models,
            options_of(arguments),
            arguments.rounds,
            arguments.seconds,
            arguments.json,
            _peers(arguments),
        )
    elif not arguments.models:
        raise UsageError("bench needs a model, for example: tenonc bench resnet50")
    else:
        _bench_models(arguments)


def _peers(arguments: argparse.Namespace) -> list[str]:
    return [] if arguments.vs == "none" else words(PEERS)(arguments.vs)


def _bench_models(arguments: argparse.Namespace) -> None:
    peers = _peers(arguments)
    results: list[ModelResult] = []
    failures: dict[str, str] = {}
    for name in arguments.models:
        try:
            results.append(_bench_one(arguments, name, peers))
        except UsageError:
            raise
        except TenonError as error:
            failures[name] = str(error)
    _show(results, failures, peers)
    if arguments.json:
        _write(Path(arguments.json), results, failures)
    most = arguments.tolerance
    wrong = {
        r.model: f"{r.max_rel_err:.1e} of its largest value away from {peers[0]}'s, expected at most {most:g}"
        for r in results
        if r.max_rel_err is not None and not r.max_rel_err <= most
    }
    if failures or wrong:
        said = [
            *(why if why.startswith(n) else f"{n}: {why}" for n, why in failures.items()),
            *(f"{n}: its output is {how}" for n, how in wrong.items()),
        ]
        raise TenonError("; ".join(said))


def _bench_one(arguments: argparse.Namespace, name: str, peers: Sequence[str]) -> ModelResult:
    from .model_bench import measure_model
    from .tables import progress
    from .verbs import load_model, options_of

    with progress(name) as step, _files_of(name) as (path, *also):
        return measure_model(
            Path(name).stem if Path(name).suffix else name.partition("@")[0],
            path,
            lambda: load_model(arguments, path),
            options_of(arguments),
            peers,
            arguments.rounds,
            arguments.seconds,
            step,
            also,
            None if arguments.dense is None else lambda: load_model(arguments, arguments.dense),
        )


_FORMATS = {
    "": (["fp32"], False),
    "int8": (["int8-qdq", "int8-qop"], False),
    "int8-reduced": (["int8-qdq", "int8-qop"], True),
}
"""What follows the `@` of a benchmark model -> its forms, of which the first is compiled, and whether its
weights have 7 bits."""


@contextmanager
def _files_of(name: str) -> Iterator[list[str]]:
    """The file that a MODEL means and other forms of it; those of a benchmark model are made, and vanish
    afterwards."""
    from .models import MODELS, build_model

    base, _, kind = name.partition("@")
    if base not in MODELS:
        yield [name]
        return
    if kind not in _FORMATS:
        raise UsageError(f"model '{name}': '@{kind}' is unknown, expected @int8 or @int8-reduced")
    forms, reduced = _FORMATS[kind]
    with tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        paths = [Path(folder) / f"{base}-{precision}.onnx" for precision in forms]
        for path, precision in zip(paths, forms, strict=True):
            model = build_model(base, precision, reduce_range=reduced)
            path.write_bytes(model.SerializeToString(deterministic=True))
        yield [str(path) for path in paths]


def _write(path: Path, results: Sequence[ModelResult], failures: dict[str, str]) -> None:
    import json
    from dataclasses import asdict

    from ..compiler.atomic import write_file

    rows = [*map(asdict, results), *({"model": name, "error": why} for name, why in failures.items())]
    text = json.dumps(rows, indent=1) + "\n"
    write_file(path, lambda target: target.write_text(text))


def _show(results: Sequence[ModelResult], failures: dict[str, str], peers: Sequence[str]) -> None:
    from .tables import print_table

    columns = (
        "model",
        "precision",
        "tenonc ms",
        *(f"{p} ms" for p in peers),
        "ratio",
        "compile s",
        "max rel err",
        *(("dense ms", "faster", "fewer muls") if any(r.dense_ms is not None for r in results) else ()),
    )
    rows = [
        (
            r.model,
            r.precision,
            f"{r.tenonc_ms:.3f}",
            *(f"{r.peers[p]:.3f}" for p in peers),
            "" if r.ratio is None else f"{r.ratio:.2f}",
            f"{r.compile_s:.1f}",
            "" if r.max_rel_err is None else f"{r.max_rel_err:.1e}",
            *_beside_dense(r),
        )
        for r in results
    ]
    rows += [(name, "failed", *[""] * (len(columns) - 2)) for name in failures]
    threads = max((r.threads for r in results), default=1)
    print_table("one thread" if threads == 1 else f"{threads} threads on all sides", columns, rows)


def _beside_dense(result: ModelResult) -> tuple[str, ...]:
    if result.dense_ms is None:
        return ()
    faster = result.dense_ms / result.tenonc_ms
    return f"{result.dense_ms:.3f}", f"{faster:.2f}x", f"{result.fewer:.2f}x"


VERB = Verb(
    "bench",
    "measure models against other runtimes, or kernels against the machine's peak",
    "tenonc bench resnet50 model.onnx --vs onnxruntime,openvino --threads 2 --json f.json",
    _configure,
    bench,
)
