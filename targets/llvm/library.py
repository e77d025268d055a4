"""A model in a shared object, loaded into this process: what an `Executable` may run in place of code that
was compiled in memory."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...dialects.errors import TenonError, printable
from .interface import ABI_VERSION, DTYPES
from .library_file import read_note


class Tensor(ctypes.Structure):
    """tenon_tensor of model.h."""

    _fields_ = [
        ("data", c_void_p), ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("bytes", c_size_t),
        ("dtype", c_int32), ("rank", c_int32),
    ]  # fmt: skip


class CPort(ctypes.Structure):
    """tenon_port of model.h."""

    _fields_ = [
        ("name", c_char_p), ("shape", POINTER(c_int64)), ("bytes", c_size_t), ("alignment", c_size_t),
        ("dtype", c_int32), ("rank", c_int32),
    ]  # fmt: skip


class Info(ctypes.Structure):
    """tenon_info of model.h."""

    _fields_ = [
        ("abi_version", c_uint32), ("threads", c_int32), ("name", c_char_p), ("target", c_char_p),
        ("compiler", c_char_p), ("digest", c_char_p), ("arena_bytes", c_size_t), ("weight_bytes", c_size_t),
        ("input_count", c_size_t), ("inputs", POINTER(CPort)), ("output_count", c_size_t),
        ("outputs", POINTER(CPort)),
    ]  # fmt: skip


class Options(ctypes.Structure):
    """tenon_options of model.h."""

    _fields_ = [("threads", c_int32), ("weights", c_char_p)]


class Api(ctypes.Structure):
    """tenon_api of model.h."""

    _fields_ = [
        ("info", ctypes.CFUNCTYPE(POINTER(Info))),
        ("create", ctypes.CFUNCTYPE(c_int32, c_uint32, POINTER(Options), POINTER(c_void_p), c_char_p)),
        ("run", ctypes.CFUNCTYPE(c_int32, c_void_p, *[POINTER(Tensor), c_size_t] * 2, c_char_p)),
        ("destroy", ctypes.CFUNCTYPE(None, c_void_p)),
    ]  # fmt: skip


ERROR_BYTES = 512


class LoadedPort(NamedTuple):
    """An input or output as the library states it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype


class LibraryArtifact:
    """The model in the shared object `path`, created with its weights in memory.

    weights: the file they lie in, if it is not beside the library; threads: 0 for as many as the model was
    compiled for. Raises `TenonError` for a file that is no such library, and for what create refuses. The
    model is destroyed, and the library unloaded, with this object."""

    def __init__(self, path: Path, weights: Path | None = None, threads: int = 0):
        self.path = path
        library = _loaded(path)
        self._api = Api.in_dll(library, "tenon_model_api")
        self._model = c_void_p()
        error = ctypes.create_string_buffer(ERROR_BYTES)
        options = Options(threads, None if weights is None else os.fsencode(weights))
        if self._api.create(ABI_VERSION, ctypes.byref(options), ctypes.byref(self._model), error):
            _close(library._handle)
            raise TenonError(f"{path}: {_text(error.value)}")
        release = weakref.finalize(self, _destroy, self._api.destroy, self._model, library._handle)
        release.atexit = False  # other threads may still run it then
        info = self._api.info().contents
        self.digest = _text(info.digest)
        self.threads: int = threads or info.threads
        self.inputs = [_port(info.inputs[i]) for i in range(info.input_count)]
        self.outputs = [_port(info.outputs[i]) for i in range(info.output_count)]
        # What most calls pass, but for the addresses.
        self._usual = [_Tensors(ports) for ports in (self.inputs, self.outputs)]

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        """Compute `outputs` in place from C-contiguous `inputs`; calls may run in several threads."""
        given, made = (usual(arrays) for usual, arrays in zip(self._usual, (inputs, outputs), strict=True))
        error = ctypes.create_string_buffer(ERROR_BYTES)
        if self._api.run(self._model, given, len(given), made, len(made), error):
            raise TenonError(_text(error.value))

    def emit(self, kind: str) -> str | bytes:
        """Nothing: the code is in the file."""
        raise TenonError(f"{self.path}: is compiled already, '{kind}' cannot be made of it")

    def write(self, kind: str, path: Path) -> None:
        """As `emit`."""
        self.emit(kind)


def _loaded(path: Path) -> ctypes.CDLL:
    """The library, checked first. The system's loader knows files by their paths: where it has another file
    in memory that was once at this path, another spelling of the path makes it look again."""
    expected = read_note(path).digest
    folder, name = os.path.split(os.path.abspath(path))
    for _ in range(100):
        try:
            library = ctypes.CDLL(os.path.join(folder, name))
        except OSError as error:
            raise TenonError(f"{path}: cannot be loaded: {printable(str(error))}") from None
        found = Api.in_dll(library, "tenon_model_api").info().contents.digest
        if _text(found) == expected:
            return library
        _close(library._handle)
        folder += "/."
    raise TenonError(f"{path}: cannot be loaded: older files of that name are in use")


def _destroy(destroy: Any, model: c_void_p, handle: int) -> None:
    destroy(model)
    _close(handle)


def _close(handle: int) -> None:
    import _ctypes

    _ctypes.dlclose(handle)


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")


_NAMES = {number: name for name, number in DTYPES.items()}


def _port(port: CPort) -> LoadedPort:
    name = _NAMES[port.dtype]
    if name == "bfloat16":
        import ml_dtypes

        dtype = np.dtype(ml_dtypes.bfloat16)
    else:
        dtype = np.dtype(name)
    return LoadedPort(_text(port.name), tuple(port.shape[i] for i in range(port.rank)), dtype)


class _Tensors:
    """Makes the tensors of arrays, which are C-contiguous: without strides."""

    def __init__(self, ports: Sequence[LoadedPort]):
        self._kinds = [(port.shape, port.dtype) for port in ports]
        self._usual = _filled(self._kinds)

    def __call__(self, arrays: Sequence[np.ndarray]) -> ctypes.Array[Tensor]:
        kinds = [(array.shape, array.dtype) for array in arrays]
        made = _copy(self._usual) if kinds == self._kinds else _filled(kinds)
        for tensor, array in zip(made, arrays, strict=True):
            tensor.data, tensor.bytes = array.ctypes.data, array.nbytes
        return made


def _filled(kinds: Sequence[tuple[tuple[int, ...], np.dtype]]) -> ctypes.Array[Tensor]:
    made = (Tensor * len(kinds))()
    for tensor, (shape, dtype) in zip(made, kinds, strict=True):
        tensor.shape = (c_int64 * len(shape))(*shape)
        tensor.dtype, tensor.rank = DTYPES.get(dtype.name, 0), len(shape)
    return made


def _copy(tensors: ctypes.Array[Tensor]) -> ctypes.Array[Tensor]:
    """A copy, whose shapes belong to the original."""
    return type(tensors).from_buffer_copy(tensors)
