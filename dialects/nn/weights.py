"""The weight store: arrays beside the module, named by their content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import TenonError
from .attributes import WeightAttr
from .dtypes import array_type, is_small, numpy_dtype


def digest_of(array: np.ndarray) -> str:
    """sha256, in hexadecimal, over dtype name, shape and the bytes in row-major order."""
    header = f"{array.dtype.name} {'x'.join(map(str, array.shape))}\n"
    digest = sha256(header.encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


class WeightStore(Mapping[str, np.ndarray]):
    """Digest -> read-only array. Saved as safetensors beside the module; mapped into memory when loaded."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def put(self, array: np.ndarray) -> WeightAttr:
        """Keep `array` (a copy only if it is not contiguous) and name it; equal arrays are kept once."""
        array = np.asarray(array)
        digest = digest_of(array)
        if digest not in self._arrays:
            kept = np.ascontiguousarray(array).reshape(array.shape).view()
            kept.flags.writeable = False
            self._arrays[digest] = kept
        return WeightAttr.of(digest, array_type(array))

    def get(self, key: WeightAttr | str, default: np.ndarray | None = None) -> np.ndarray:  # pyright: ignore
        """The array of an attribute or digest. Raises TenonError if the store has none and no default."""
        digest = key.digest.data if isinstance(key, WeightAttr) else key
        found = self._arrays.get(digest, default)
        if found is None:
            raise TenonError(f"weight {digest[:12]} is not in the store of {len(self)} weights")
        if isinstance(key, WeightAttr) and is_small(key.type.element_type):
            return found.view(numpy_dtype(key.type.element_type))  # a file has them as bytes
        return found

    def __getitem__(self, digest: str) -> np.ndarray:
        return self._arrays[digest]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all arrays as safetensors, sorted by digest: equal stores give equal files."""
        # Not by safetensors' own writer: it makes a copy of all arrays first.
        arrays = [(digest, self._arrays[digest]) for digest in sorted(self._arrays)]
        entries, end = {}, 0
        for digest, array in arrays:
            span = [end, end + array.nbytes]
            name = _NAMES.get(array.dtype.name, "U8")
            entries[digest] = {"dtype": name, "shape": array.shape, "data_offsets": span}
            end += array.nbytes
        header = json.dumps(entries, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
        with Path(path).open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for _, array in arrays:
                file.write(array.reshape(-1).view(np.uint8).data)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> WeightStore:
        """A store over the safetensors file `path`; arrays are read when first used.

        Raises TenonError if the file is missing or no safetensors file."""
        from safetensors import SafetensorError

        store = cls()
        try:
            store._arrays = dict(_mapped(Path(path)))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            raise TenonError(f"{path}: not a readable weight file: {error}") from error
        return store


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BOOL": "bool"}
_DTYPES |= {f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)}
_DTYPES |= {f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()} | {"bfloat16": "BF16"}


def _mapped(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    # safetensors' own numpy reader copies every tensor into memory; the format is a length, a JSON
    # header with byte offsets and the bytes, so after its validation they are mapped where they lie.
    from safetensors import safe_open

    with safe_open(path, "np"):
        pass
    data = np.memmap(path, np.uint8, "r")
    length = int(data[:8].view("<u8")[0])
    header = json.loads(bytes(data[8 : 8 + length]))
    header.pop("__metadata__", None)
    for digest, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        dtype = _bfloat16() if entry["dtype"] == "BF16" else np.dtype(_DTYPES[entry["dtype"]])
        yield digest, data[begin:end].view(dtype).reshape(entry["shape"])


def _bfloat16() -> np.dtype:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)
