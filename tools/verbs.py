"""What `tenonc compile` and `tenonc run` do. Imported only once the command line has been understood."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import compiler
from ..compiler.atomic import Writer, check_file, check_folder, write_file, write_files
from ..compiler.library import WEIGHTS, shared_object
from ..compiler.options import CompileOptions
from ..compiler.tuning import check_seconds
from ..dialects.errors import TenonError, UsageError
from .arguments import extent, extents, named_values, words
from .report import check_reports, quantized_summary, report_texts, write_reports
from .tables import print_line, print_table, progress
from .tune import show_tuned

if TYPE_CHECKING:
    from ..compiler.cache.settings import CacheChoice

SUFFIXES = {"mlir": ".mlir", "ll": ".ll", "asm": ".s", "obj": ".o", "so": ".so", "onnx": ".onnx"}
"""What `--emit` can ask for -> the file's suffix."""


def options_of(arguments: argparse.Namespace) -> CompileOptions:
    """How the command line wants a model compiled."""
    threads = 1 if arguments.threads is None else arguments.threads
    given = arguments.instructions
    return CompileOptions(arguments.target, arguments.precision, arguments.winograd, threads, given)


def load_model(arguments: argparse.Namespace, path: str | None = None) -> compiler.Model:
    """The model of the command line (or in the file `path`), with its shapes and constant inputs bound."""
    options_of(arguments)  # bad ones are an error before any work
    return load_shaped(arguments, path)


def load_shaped(arguments: argparse.Namespace, path: str | None = None) -> compiler.Model:
    """As `load_model`, where no compile is asked for."""
    shapes = named_values("--shape", arguments.shape, extents, "x=1,3,224,224")
    dims = named_values("--dim", arguments.dim, extent, "N=1")
    source = arguments.model if path is None else path
    return compiler.load(source, shapes=shapes, dims=dims, constants=read_constants(arguments))


def check_exists(model: str) -> None:
    """What to do with a model matters only where there is one."""
    if not Path(model).exists():
        raise TenonError(f"{model}: no such file")


def cache_of(arguments: argparse.Namespace) -> CacheChoice:
    """The cache that the command line means."""
    from ..compiler.cache.settings import Settings

    if arguments.no_cache:
        if arguments.cache or arguments.cache_limit:
            raise UsageError("--no-cache is given together with --cache or --cache-limit")
        return False
    settings = Settings.of(arguments.cache or True)
    if settings is None:
        return False
    return settings.with_limit(arguments.cache_limit) if arguments.cache_limit else settings


def read_constants(arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """The arrays of `--constant` by input name."""
    files = named_values("--constant", arguments.constant, str, "shape=shape.npy")
    return {name: read_array(name, Path(file)) for name, file in files.items()}


def compile_model(arguments: argparse.Namespace) -> None:
    """Compile, then write what `--emit` names into the output folder, all or nothing, and the reports."""
    check_exists(arguments.model)
    kinds = words(list(SUFFIXES))(arguments.emit or "obj") if _has_output(arguments) else []
    folder, stem = _place(arguments, kinds)
    check_folder(folder)
    reports = check_reports(arguments.report)
    if arguments.tune is not None:
        check_seconds(arguments.tune, "--tune")
    model = load_model(arguments)
    start = time.perf_counter()
    files: dict[str, Writer] = {}
    if "onnx" in kinds:  # the model as it was understood: functions inlined, shapes and constants bound
        kinds.remove("onnx")
        files[f"{stem}.onnx"] = partial(compiler.save_onnx, model, external_data=False)
    texts: dict[Path, str] = {}
    summary = ""
    if kinds or reports:
        exe = _compiled(arguments, model)
        if arguments.tune is not None:
            show_tuned(f"{arguments.model}: kernels that were tuned", exe.tuned)
        files |= _code_files(arguments, exe, model, stem, kinds)
        texts = report_texts(exe, model, arguments.model, reports)
        summary = quantized_summary(exe, model)
    seconds = time.perf_counter() - start
    if files:
        write_files(folder, files)
    write_reports(texts)
    paths = {name: folder / name for name in files} | {str(path): path for path in texts}
    rows = [(name, f"{path.stat().st_size:,}") for name, path in paths.items()]
    print_table(f"{arguments.model} for {arguments.target}: {seconds:.2f} s", ("file", "bytes"), rows)
    print_line(summary)


def _has_output(arguments: argparse.Namespace) -> bool:
    """Whether files are wanted besides reports."""
    if arguments.output is not None:
        return True
    if arguments.emit is not None:
        raise UsageError("--emit needs a place to write to: give -o FOLDER")
    if not arguments.report:
        raise UsageError("nothing to write: give -o FOLDER, --report FILE, or both")
    return False


def _place(arguments: argparse.Namespace, kinds: Sequence[str]) -> tuple[Path, str]:
    """The folder of the results and the stem of their names. `-o NAME.so` names the file where nothing else
    is written."""
    output, stem = Path(arguments.output or ""), Path(arguments.model).stem
    if "so" not in kinds:
        for option in ("weights", "name"):
            if getattr(arguments, option) is not None:
                raise UsageError(f"--{option} is for shared objects: give --emit so too")
    if arguments.weights not in (None, *WEIGHTS):
        raise UsageError(f"--weights is '{arguments.weights}', expected one of {', '.join(WEIGHTS)}")
    if output.suffix != ".so" or output.is_dir():
        return output, stem
    if kinds != ["so"]:
        raise UsageError(f"-o '{output}': with --emit {arguments.emit} a folder is expected")
    return output.parent, output.stem


def _compiled(arguments: argparse.Namespace, model: compiler.Model) -> compiler.Executable:
    cache = cache_of(arguments)
    with progress(arguments.model) as on_pass:
        return compiler.compile(
            model,
            **asdict(options_of(arguments)),
            cache=cache,
            tune=arguments.tune,
            print_after_all=arguments.print_after_all,
            on_pass=on_pass,
        )


def _code_files(
    arguments: argparse.Namespace,
    exe: compiler.Executable,
    model: compiler.Model,
    stem: str,
    kinds: Sequence[str],
) -> dict[str, Writer]:
    """What writes each kind of code."""
    files: dict[str, Writer] = {
        stem + SUFFIXES[kind]: partial(exe.write, kind) for kind in kinds if kind != "so"
    }
    if "so" in kinds:
        library = shared_object(exe, stem, arguments.weights or "inside", arguments.name)
        files |= dict.fromkeys(library.files, library.write)
    if "mlir" in kinds:  # the text names weights by digest: tenon-opt --weights takes this file
        files[f"{stem}.safetensors"] = model.store.save
    return files


def run_model(arguments: argparse.Namespace) -> None:
    """Run the model once; print a summary of the outputs, and save them where `-o` says."""
    files = named_values("--input", arguments.input, str, "x=x.npy")
    cache = cache_of(arguments)
    if arguments.output:
        check_file(Path(arguments.output))
    compiled = Path(arguments.model).suffix == ".so"
    if arguments.weights is not None and not compiled:
        raise UsageError(f"--weights is for shared objects, {arguments.model} is compiled here")
    model = load_shared_object(arguments) if compiled else load_model(arguments)
    inputs = {name: read_array(name, Path(file)) for name, file in files.items()}
    known = {port.name for port in model.inputs}
    if set(inputs) != known:
        listed = ", ".join(map(str, model.inputs))
        raise UsageError(f"--input must give each input of the model once: {listed}")
    if isinstance(model, compiler.Executable):
        exe = model
    else:
        with progress(arguments.model) as on_pass:
            exe = compiler.compile(model, **asdict(options_of(arguments)), cache=cache, on_pass=on_pass)
    outputs = exe.run_dict(inputs)
    if arguments.output:
        write_file(Path(arguments.output), lambda path: save_arrays(path, outputs))
    print_table("outputs", SUMMARY, [_summary(name, array) for name, array in outputs.items()])


COMPILED_IN = {
    "target": "host", "precision": "fp32", "winograd": "auto", "instructions": "", "shape": [], "dim": [],
    "constant": [],
}  # fmt: skip
"""Options that a shared object has taken already, and what stands for none given."""


def load_shared_object(arguments: argparse.Namespace) -> compiler.Executable:
    """The shared object of the command line; what only a compile could heed is refused."""
    for option, default in COMPILED_IN.items():
        if getattr(arguments, option) != default:
            raise UsageError(f"--{option}: {arguments.model} is compiled already")
    return compiler.load_executable(arguments.model, arguments.weights, arguments.threads)


def read_array(name: str, path: Path) -> np.ndarray:
    """The array in an .npy file; nothing pickled is ever loaded."""
    try:
        # Mapped: a header that promises more than the file holds fails before any memory is taken.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise TenonError(f"input '{name}': {path}: no such file") from None
    except OSError as error:
        raise TenonError(
            f"input '{name}': {path}: cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None
    except (ValueError, EOFError):
        raise TenonError(
            f"input '{name}': {path}: is not an .npy file of plain numbers, or is truncated"
        ) from None
    if not isinstance(array, np.ndarray):
        raise TenonError(f"input '{name}': {path}: is an archive, expected one array in an .npy file")
    return array


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """All `arrays` in one uncompressed .npz file."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]


SUMMARY = ("name", "shape", "dtype", "min", "max", "argmax")


def _summary(name: str, array: np.ndarray) -> tuple[str, ...]:
    shape = "x".join(map(str, array.shape)) or "scalar"
    if not array.size:
        return name, shape, str(array.dtype), "", "", ""
    low, high = f"{array.min():.6g}", f"{array.max():.6g}"
    return name, shape, str(array.dtype), low, high, str(int(array.argmax()))
