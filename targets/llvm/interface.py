"""What differs between the C interfaces of two models: tables as LLVM text, exported names, the C header.

`runtime/` holds what they share. Only the functions `tenon_<name>_...` and `tenon_model_api` are exported."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from string import Template
from typing import Protocol
from zlib import crc32

import numpy as np

from ...dialects.errors import TenonError, printable
from ..record import TargetRecord
from . import runtime

ABI_VERSION = 1
"""Of the C interface. A change that breaks compiled programs is a new version."""

NOTE = ".note.tenon"
"""The section that says what a shared object is, before any of its code is loaded."""

DTYPES = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
    "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "bfloat16": 16,
}  # fmt: skip
"""numpy's names of the element types -> ONNX's numbers."""


class PortLike(Protocol):
    """An input or output."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...


@dataclass(frozen=True)
class Interface:
    """A model as a C program sees it.

    name: a C identifier, part of every exported name; checksum: of the weights; weights_file: its name where
    the weights lie beside the library, else empty."""

    name: str
    record: TargetRecord
    inputs: Sequence[PortLike]
    outputs: Sequence[PortLike]
    arena_bytes: int
    weight_bytes: int
    checksum: int
    threads: int = 1
    weights_file: str = ""

    @property
    def target(self) -> str:
        """The target's name; on another machine `host` would mean another."""
        return self.record.cpu if self.record.name == "host" else self.record.name

    def llvm_text(self, features: Sequence[tuple], code_digest: str) -> str:
        """A unit with the tables and the exported functions; `features` are the rows of `%Feature`."""
        return _InterfaceText(self, features, code_digest).text()

    def header(self, library: str) -> str:
        """model.h, for a library of that file name. Its mark tells it from the header of another model whose
        name makes the same C names."""
        fields = {
            "title": _comment(self.name),
            "library": _comment(library),
            "compiler": compiler_version(),
            "target": self.target,
            "ports": _listed("Inputs", self.inputs) + _listed("Outputs", self.outputs),
            "guard": f"{self.name.upper()}_H",
            "version": ABI_VERSION,
            "name": self.name,
            "NAME": self.name.upper(),
            "inputs": len(self.inputs),
            "outputs": len(self.outputs),
        }
        template = Template(runtime.read("model.h"))
        mark = crc32(template.substitute(fields, mark="").encode())
        return template.substitute(fields, mark=mark)


def compiler_version() -> str:
    """The version of tenonc that is installed."""
    try:
        return version("tenonc")
    except PackageNotFoundError:
        return "unknown"


def identifier(text: str) -> str:
    """`text` as a part of C names; raises `TenonError` where nothing of it is left."""
    name = re.sub(r"[^0-9A-Za-z_]", "_", text)
    if not name.strip("_"):
        raise TenonError(f"name '{printable(text)}' has no letter or digit for the names in C, give one")
    return name[:100]


def _enter(inputs: int, outputs: int) -> str:
    """`tenon.enter`: takes tensors apart for the model's @main. Tensors without elements may have no memory;
    the code is promised some."""
    lines, names = [], []
    for kind, count in (("in", inputs), ("out", outputs)):
        for i in range(count):
            value = f"%{kind}{i}"
            lines += [
                f"  {value}.place = getelementptr %Tensor, ptr %{kind}puts, i64 {i}",
                f"  {value}.data = load ptr, ptr {value}.place",
                f"  {value}.null = icmp eq ptr {value}.data, null",
                f"  {value} = select i1 {value}.null, ptr %arena, ptr {value}.data",
            ]
            names.append(f"ptr {value}")
    types = ", ".join(["ptr"] * (inputs + outputs + 3))
    own = ", ".join(f"ptr %{name}" for name in ("inputs", "outputs", "weights", "arena", "pool"))
    arguments = ", ".join([*names, "ptr %weights", "ptr %arena", "ptr %pool"])
    return "\n".join([
        f"declare hidden void @main({types})",
        f"define hidden void @tenon.enter({own}) nounwind {{",
        *lines,
        f"  call void @main({arguments})",
        "  ret void\n}",
    ])  # fmt: skip


class _InterfaceText:
    def __init__(self, interface: Interface, features: Sequence[tuple], code_digest: str):
        self.interface, self.features, self.code_digest = interface, features, code_digest
        self.constants: dict[str, str] = {}

    def text(self) -> str:
        own = self.interface
        enter = _enter(len(own.inputs), len(own.outputs))
        tables = [self._features(), self._blob(), enter, *_exports(own.name)]
        stated = [self._info(""), *self.constants.values()]
        said = "\n".join([self.code_digest, runtime.everything(), *stated, *tables])
        digest = sha256(said.encode()).hexdigest()[:32]
        tables += [self._info(digest), _note(own, digest)]
        return runtime.read("types.ll") + "\n".join([*self.constants.values(), *tables]) + "\n"

    def _constant(self, value: str) -> str:
        """A private constant, once for equal ones; its name."""
        name = f"@c{len(self.constants)}"
        line = self.constants.setdefault(value, f"{name} = private constant {value}")
        return line.split(" ", 1)[0]

    def _string(self, text: str) -> str:
        return self._constant(c_string(text))

    def _ports(self, ports: Sequence[PortLike]) -> str:
        rows = []
        for port in ports:
            if port.dtype.name not in DTYPES:
                raise TenonError(f"'{port.name}': a C program has no elements of {port.dtype}")
            extents = ", ".join(f"i64 {extent}" for extent in port.shape)
            shape = self._constant(f"[{len(port.shape)} x i64] [{extents}]") if port.shape else "null"
            dtype, size = DTYPES[port.dtype.name], port.dtype.itemsize
            rows.append(
                f"%Port {{ ptr {self._string(port.name)}, ptr {shape}, i64 {math.prod(port.shape) * size}, "
                f"i64 {size}, i32 {dtype}, i32 {len(port.shape)} }}"
            )
        return self._constant(f"[{len(rows)} x %Port] [{', '.join(rows)}]")

    def _info(self, digest: str) -> str:
        own = self.interface
        name, target = self._string(own.name), self._string(own.target)
        inputs, outputs = self._ports(own.inputs), self._ports(own.outputs)
        compiler, digest = self._string(compiler_version()), self._string(digest)
        return (
            f"@tenon.info = hidden constant %Info {{ i32 {ABI_VERSION}, i32 {own.threads}, ptr {name}, "
            f"ptr {target}, ptr {compiler}, ptr {digest}, i64 {own.arena_bytes}, i64 {own.weight_bytes}, "
            f"i64 {len(own.inputs)}, ptr {inputs}, i64 {len(own.outputs)}, ptr {outputs} }}"
        )

    def _features(self) -> str:
        rows = [
            f"%Feature {{ ptr {self._string(name)}, {', '.join(f'i32 {n}' for n in place)}, i64 {state} }}"
            for name, *place, state in self.features
        ]
        rows.append("%Feature zeroinitializer")
        return f"@tenon.features = hidden constant [{len(rows)} x %Feature] [{', '.join(rows)}]"

    def _blob(self) -> str:
        own = self.interface
        inside = "null" if own.weights_file else "@tenon.weights"
        external = "" if own.weights_file else "@tenon.weights = external hidden constant i8\n"
        return (
            f"{external}@tenon.blob = hidden constant %Blob {{ ptr {inside}, i64 {own.weight_bytes}, "
            f"i64 {own.checksum}, ptr {self._string(own.weights_file)} }}"
        )


def c_string(text: str) -> str:
    """`text` as an LLVM constant in UTF-8, with its end; a NUL would end it early."""
    data = text.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    plain = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in data)
    return f'[{len(data) + 1} x i8] c"{plain}\\00"'


def _note(own: Interface, digest: str) -> str:
    """The ELF note that `library_file.py` reads. It must not be in @llvm.used: a target machine remembers
    addresses from there, and lays out the globals of later modules that happen to have them differently."""
    beside = int(bool(own.weights_file))
    hex_bytes = "".join(f"\\{digest[i : i + 2]}" for i in range(0, len(digest), 2))
    distance = "sub (i64 ptrtoint (ptr @tenon.weights to i64), i64 ptrtoint (ptr @tenon.note to i64))"
    fields = [
        *("i32 6", "i32 56", "i32 1", '[8 x i8] c"Tenon\\00\\00\\00"'),
        *(f"i32 {ABI_VERSION}", f"i32 {beside}", f'[16 x i8] c"{hex_bytes}"', "[16 x i8] zeroinitializer"),
        *(("i64 0", "i64 0") if beside else (f"i64 {distance}", f"i64 {own.weight_bytes}")),
    ]
    types = ["i32", "i32", "i32", "[8 x i8]", "i32", "i32", "[16 x i8]", "[16 x i8]", "i64", "i64"]
    return (
        f"@tenon.note = hidden constant <{{ {', '.join(types)} }}> <{{ {', '.join(fields)} }}>, "
        f'section "{NOTE}", align 4'
    )


_FUNCTIONS = {
    "create": ("i32", ["i32", "ptr", "ptr", "ptr"]),
    "run": ("i32", ["ptr", "ptr", "i64", "ptr", "i64", "ptr"]),
    "destroy": ("void", ["ptr"]),
}
"""Exported function -> result, parameters; the run time has each as @tenon.<function>."""


def _exports(name: str) -> list[str]:
    lines = [f"define ptr @tenon_{name}_info() nounwind {{\n  ret ptr @tenon.info\n}}"]
    for function, (result, types) in _FUNCTIONS.items():
        parameters = ", ".join(f"{type_} %{i}" for i, type_ in enumerate(types))
        value, ret = ("", "ret void") if result == "void" else ("%r = ", "ret i32 %r")
        lines += [
            f"declare hidden {result} @tenon.{function}({', '.join(types)})",
            f"define {result} @tenon_{name}_{function}({parameters}) nounwind {{",
            f"  {value}tail call {result} @tenon.{function}({parameters})\n  {ret}\n}}",
        ]
    pointers = ", ".join(f"ptr @tenon_{name}_{f}" for f in ("info", *_FUNCTIONS))
    return [*lines, f"@tenon_model_api = constant %Api {{ {pointers} }}"]


def _listed(title: str, ports: Sequence[PortLike]) -> str:
    """The ports as lines of a comment."""
    if not ports:
        return f"\n   {title}: none\n"
    rows = [
        f"     {i}  '{_comment(port.name)}'  {port.dtype} [{', '.join(map(str, port.shape))}], "
        f"{math.prod(port.shape) * port.dtype.itemsize} bytes"
        for i, port in enumerate(ports)
    ]
    return "\n".join([f"\n   {title}", *rows, ""])


def _comment(text: str) -> str:
    """`text` where a C comment must neither end nor begin."""
    return printable(text).replace("*/", "* /").replace("/*", "/ *")
