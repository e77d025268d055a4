"""CIFAR-10 as it is published: a folder or .tar.gz of binary batches, or of Python's pickled ones.

A pickle is a program. Those of CIFAR need two dozen kinds of instructions, to build a dict of an array and
lists: a file with any other is refused before it runs. Of the functions that a pickle may name there are the
three that make an array, replaced by stand-ins, so that not even numpy sees what the file says."""

from __future__ import annotations

import io
import pickle
import pickletools
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...dialects.errors import TenonError
from . import DataSet, Split

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
CLASSES = 10
LIMIT = 64 * 2**20
"""Bytes of a batch that are read: those published have 31 MB."""

CONTROL = 5000
"""Images at the end of the training set that only a controller looks at."""

BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = "test_batch"


def cifar10(path: str | Path) -> DataSet:
    """The data set in `path`: a folder, or the archive as it was downloaded, in either format.

    Raises TenonError for a file that is missing or is not what it should be."""
    files = _Files(Path(path))
    parts = [files.batch(name) for name in BATCHES]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    held = min(CONTROL, len(images) // 2)
    return DataSet(
        Split(images[:-held], labels[:-held]),
        Split(images[-held:], labels[-held:]),
        files.batch(TEST),
    )


class _Files:
    """The batches of a folder or archive, by name, whichever format they have."""

    def __init__(self, path: Path):
        self.path = path
        self.files = dict(_archived(path) if path.is_file() else _in_folder(path))

    def batch(self, name: str) -> Split:
        for suffix, decode in FORMATS.items():
            if name + suffix in self.files:
                data = self.files[name + suffix]()
                if len(data) > LIMIT:
                    raise TenonError(f"{name}{suffix}: has more than {LIMIT} bytes")
                return decode(data, f"{self.path}: {name}{suffix}")
        raise TenonError(f"{self.path}: there is no {name}.bin and no {name}")


def _in_folder(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for file in path.glob("*_batch*"):
        yield file.name, lambda file=file: _limited(file.open("rb"))


def _archived(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Members are read where they lie; nothing is extracted, whatever their paths say."""
    try:
        archive = tarfile.open(path)
        for member in archive:
            if member.isfile() and "_batch" in member.name:
                file = archive.extractfile(member)
                assert file is not None
                yield Path(member.name).name, lambda file=file: _limited(file)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise TenonError(f"{path}: not a readable archive: {error}") from None


def _limited(file: Any) -> bytes:
    with file:
        return file.read(LIMIT + 1)


def _binary(data: bytes, where: str) -> Split:
    """Records of a label and 3072 pixels: red, green and blue, each row by row."""
    if not data or len(data) % (PIXELS + 1):
        raise TenonError(f"{where}: {len(data)} bytes are no records of {PIXELS + 1}")
    records = np.frombuffer(data, np.uint8).reshape(-1, PIXELS + 1)
    return _split(records[:, 1:], records[:, 0], where)


def _pickled(data: bytes, where: str) -> Split:
    """A dict with `data` [N, 3072] and `labels`."""
    try:
        found = _unpickled(data)
        images, labels = found[b"data"].array(), found[b"labels"]
        if not all(type(label) is int and 0 <= label < CLASSES for label in labels):
            raise ValueError("labels are no numbers of classes")
        return _split(images, np.array(labels, np.int64), where)
    except (
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        EOFError,
        IndexError,
        pickle.UnpicklingError,
    ) as error:
        raise TenonError(f"{where}: not a batch of CIFAR-10: {error}") from None


MALFORMED = (ValueError, KeyError, AttributeError, TypeError, EOFError, IndexError, pickle.UnpicklingError)
"""What reading a pickle that is none ends in."""

FORMATS: dict[str, Callable[[bytes, str], Split]] = {".bin": _binary, "": _pickled}


def _split(pixels: np.ndarray, labels: np.ndarray, where: str) -> Split:
    if pixels.ndim != 2 or pixels.shape[1] != PIXELS or len(labels) != len(pixels):
        found = f"images {list(pixels.shape)} and {len(labels)} labels"
        raise TenonError(f"{where}: has {found}, expected [N, {PIXELS}] and N")
    if len(labels) and labels.max() >= CLASSES:
        raise TenonError(f"{where}: label {labels.max()} is not below {CLASSES}")
    images = pixels.reshape(-1, *SHAPE).astype(np.float32) / np.float32(255)
    return Split(images, labels.astype(np.int64))


INSTRUCTIONS = frozenset(
    "PROTO EMPTY_DICT EMPTY_LIST EMPTY_TUPLE MARK BINPUT LONG_BINPUT BINGET LONG_BINGET SHORT_BINSTRING"
    " BINSTRING BININT BININT1 BININT2 GLOBAL TUPLE TUPLE1 TUPLE2 TUPLE3 REDUCE BUILD APPEND APPENDS SETITEM"
    " SETITEMS NONE NEWTRUE NEWFALSE STOP".split()
)
"""What protocol 2 of Python 2 writes for numbers, strings, lists, tuples, dicts and arrays."""


def _unpickled(data: bytes) -> Any:
    count = 0
    for opcode, argument, position in pickletools.genops(data):
        count += 1
        if opcode.name not in INSTRUCTIONS:
            raise ValueError(f"instruction {opcode.name} at byte {position}")
        # Python's own reader makes room for as many values as the largest number says.
        if opcode.name.endswith("BINPUT") and isinstance(argument, int) and argument > count:
            raise ValueError(f"value {argument} is kept at byte {position}, {count} instructions in")
    return _Unpickler(io.BytesIO(data), encoding="bytes").load()


class _Array:
    """Stands for numpy.ndarray: keeps the state it is given, and makes an array of it only if it is bytes."""

    def __init__(self, *arguments: Any):
        self.state: Any = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        version, shape, dtype, fortran, content = self.state
        right = isinstance(dtype, _DType) and dtype.name == b"u1" and type(content) is bytes
        if not right or version != 1 or fortran is not False or type(shape) is not tuple:
            raise ValueError("the images are no array of bytes")
        if len(shape) != 2 or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("the images have no shape of two numbers")
        if shape[0] * shape[1] != len(content):
            raise ValueError(f"{len(content)} bytes of images, expected {shape[0]} times {shape[1]}")
        return np.frombuffer(content, np.uint8).reshape(shape)


class _DType:
    """Stands for numpy.dtype."""

    def __init__(self, name: Any = None, *arguments: Any):
        self.name = name

    def __setstate__(self, state: Any) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """The three names that an array is made with, in all of numpy's spellings."""

    NAMES = {("numpy", "ndarray"): _Array, ("numpy", "dtype"): _DType} | {
        (f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return self.NAMES[module, name]
