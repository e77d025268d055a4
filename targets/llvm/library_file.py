"""Checks a shared object of a model before the system's loader maps it: the loader trusts what it is given,
and a file that is cut off or damaged ends the process, or computes something else.

An ELF note says what the file is. It holds a seal: a digest of all other bytes but the weights, which create
checks by a checksum at the speed of memory."""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ...dialects.errors import TenonError
from .interface import ABI_VERSION

_HEADER = struct.Struct("<4sBBBB8xHHIQQQIHHHHHH")
"""Of an ELF64 file."""
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION_BYTES = 64
_LOAD, _NOTE = 1, 4
_SHARED = 3
_MACHINES = {62: "x86_64", 183: "aarch64"}
_NOTE_FIELDS = struct.Struct("<III8sII16s16sqQ")
_SEAL_AT, _SEAL_BYTES = 44, 16
_MOST_SEGMENTS = 1000


@dataclass(frozen=True)
class LibraryNote:
    """What a shared object says about itself: interface version, whether its weights lie beside, digest.

    place: of the note in the file; seal: what it says of the other bytes; weights: their place in the file
    and their number."""

    version: int
    beside: bool
    digest: str
    place: int
    seal: bytes
    weights: tuple[int, int]


def read_note(path: Path) -> LibraryNote:
    """The note of a shared object that tenonc made; its file is whole, for this machine, and of this version
    of the interface. Anything else is a `TenonError`."""
    try:
        if not path.is_file():
            raise TenonError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
        with path.open("rb") as file:
            note = _note(path, file, path.stat().st_size)
            if _seal(file, note) != note.seal:
                raise TenonError(f"{path}: is damaged")
            return note
    except OSError as error:
        raise TenonError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None


def seal(path: Path) -> None:
    """Writes the seal of a new shared object into it."""
    with path.open("r+b") as file:
        note = _note(path, file, path.stat().st_size)
        value = _seal(file, note)
        file.seek(note.place + _SEAL_AT)
        file.write(value)


def _seal(file: BinaryIO, note: LibraryNote) -> bytes:
    """The digest of the file without its seal and its weights."""
    seal_start = note.place + _SEAL_AT
    left_out = sorted([(seal_start, seal_start + _SEAL_BYTES), (note.weights[0], sum(note.weights))])
    digest, start = sha256(), 0
    for low, high in left_out:
        file.seek(start)
        digest.update(file.read(max(0, low - start)))
        start = max(start, high)
    file.seek(start)
    digest.update(file.read())
    return digest.digest()[:_SEAL_BYTES]


def _note(path: Path, file: BinaryIO, size: int) -> LibraryNote:
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or head[:4] != b"\x7fELF" or head[4:6] != b"\x02\x01":
        raise TenonError(f"{path}: is not a shared object, or is cut off")
    fields = _HEADER.unpack(head)
    kind, machine = fields[5], _MACHINES.get(fields[6], f"machine {fields[6]}")
    programs, sections, section_count = fields[9], fields[10], fields[16]
    if kind != _SHARED:
        raise TenonError(f"{path}: is not a shared object")
    if machine != platform.machine():
        raise TenonError(f"{path}: is for {machine}, this machine is {platform.machine()}")
    _check_size(path, size, sections + section_count * _SECTION_BYTES)
    segments = _segments(path, file, size, programs, fields[14])
    for segment in segments:
        if segment[0] in (_LOAD, _NOTE):
            _check_size(path, size, segment[2] + segment[5])
    for segment in segments:
        if segment[0] == _NOTE and segment[5] >= _NOTE_FIELDS.size:
            file.seek(segment[2])
            note = _parsed(path, file.read(_NOTE_FIELDS.size), segment, segments)
            if note is not None:
                return note
    raise TenonError(f"{path}: was not made by tenonc")


def _segments(path: Path, file: BinaryIO, size: int, start: int, count: int) -> list[tuple]:
    if count > _MOST_SEGMENTS:
        raise TenonError(f"{path}: is damaged: it has {count} segments")
    _check_size(path, size, start + count * _SEGMENT.size)
    file.seek(start)
    return list(_SEGMENT.iter_unpack(file.read(count * _SEGMENT.size)))


def _parsed(path: Path, data: bytes, own: tuple, segments: list[tuple]) -> LibraryNote | None:
    _, _, kind, owner, version, beside, digest, sealed, distance, count = _NOTE_FIELDS.unpack(data)
    if kind != 1 or owner != b"Tenon\0\0\0":
        return None
    if version != ABI_VERSION:
        raise TenonError(f"{path}: has version {version} of the interface, expected {ABI_VERSION}")
    weights = (0, 0)
    if not beside:
        address = own[3] + distance
        homes = [s for s in segments if s[0] == _LOAD and s[3] <= address and address + count <= s[3] + s[5]]
        if not homes:
            raise TenonError(f"{path}: is damaged: its weights lie in no segment")
        weights = (homes[0][2] + address - homes[0][3], count)
    return LibraryNote(version, bool(beside), digest.hex(), own[2], sealed, weights)


def _check_size(path: Path, size: int, needed: int) -> None:
    if size < needed:
        raise TenonError(f"{path}: is cut off: {size} bytes, expected at least {needed}")
