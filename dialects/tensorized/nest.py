"""Tensor-level loop nests: what they share, and the generic."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    TensorType,
)
from xdsl.ir import Attribute, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from .access import LoopAttr, access_text, loops_text, parse_access, parse_loops
from .instruction import YieldOp
from .linear_form import bounds, linear_form


def loop_names(loops: ArrayAttr[LoopAttr]) -> list[str]:
    return [loop.label.data for loop in loops]


def loop_extents(loops: ArrayAttr[LoopAttr]) -> list[int]:
    return [loop.extent.data for loop in loops]


def check_access(access: AffineMap, tensor: TensorType, loops: ArrayAttr[LoopAttr]) -> None:
    """Every index the loops produce must lie inside `tensor`."""
    names, extents = loop_names(loops), loop_extents(loops)
    text = access_text(access, names)
    if access.num_dims != len(extents):
        raise VerifyException(f"access {text} is over {access.num_dims} loops, not {len(extents)}")
    if len(access.results) != tensor.get_num_dims():
        raise VerifyException(
            f"access {text} has {len(access.results)} indices, {tensor} {tensor.get_num_dims()} dimensions"
        )
    for expr, size in zip(access.results, tensor.get_shape(), strict=True):
        low, high = bounds(linear_form(expr, extents), extents)
        if low < 0 or high >= size:
            raise VerifyException(f"access {text} leaves {tensor}: reaches {low}..{high} of {size}")


class NestOperation(IRDLOperation):
    """What generic and contract share: named loops over `ins` and `init`, each read at an affine access.
    The init is read and written at its access; the result is a copy of it with those elements replaced.
    `remarks {...}` behind the init says how an instruction was chosen (`tensorize-match{explain=true}`)."""

    inputs = var_operand_def(TensorType)
    init = operand_def(TensorType)
    res = result_def(TensorType)
    loops = prop_def(ArrayAttr[LoopAttr])
    maps = prop_def(ArrayAttr[AffineMapAttr])
    remarks = opt_prop_def(DictionaryAttr)

    @property
    def loop_names(self) -> list[str]:
        return loop_names(self.loops)

    @property
    def extents(self) -> list[int]:
        return loop_extents(self.loops)

    @property
    def kinds(self) -> list[str]:
        return [loop.kind.data for loop in self.loops]

    @property
    def accesses(self) -> list[AffineMap]:
        """One map per input, then the init's."""
        return [m.data for m in self.maps]

    @property
    def is_reduction(self) -> bool:
        return "reduction" in self.kinds

    def print_nest(self, printer: Printer) -> None:
        names = self.loop_names

        def one(item: tuple[SSAValue, AffineMapAttr]) -> None:
            printer.print_ssa_value(item[0])
            printer.print_string(" at " + access_text(item[1].data, names) + " : ")
            printer.print_attribute(item[0].type)

        printer.print_string(f" {loops_text(self.loops.data)} ins(")
        printer.print_list(zip(self.inputs, self.maps), one)
        printer.print_string(") init(")
        one((self.init, self.maps.data[-1]))
        printer.print_string(")")
        if self.remarks is not None:
            printer.print_string(" remarks ")
            printer.print_attribute(self.remarks)

    @staticmethod
    def parse_nest(parser: Parser):
        loops = parse_loops(parser)
        names = loop_names(loops)
        maps: list[AffineMapAttr] = []

        def one() -> SSAValue:
            operand = parser.parse_unresolved_operand()
            parser.parse_keyword("at")
            maps.append(AffineMapAttr(parse_access(parser, names)))
            parser.parse_punctuation(":")
            return parser.resolve_operand(operand, parser.parse_type())

        parser.parse_keyword("ins")
        inputs = parser.parse_comma_separated_list(parser.Delimiter.PAREN, one)
        parser.parse_keyword("init")
        with parser.in_parens():
            init = one()
        properties: dict[str, Attribute] = {"loops": loops, "maps": ArrayAttr(maps)}
        if parser.parse_optional_keyword("remarks") is not None:
            properties["remarks"] = parser.parse_attribute()
        return [inputs, init], properties

    def verify_nest(self) -> None:
        if len(set(self.loop_names)) != len(self.loop_names):
            raise VerifyException(f"loop names repeat: {', '.join(self.loop_names)}")
        if len(self.maps) != len(self.inputs) + 1:
            raise VerifyException(f"has {len(self.inputs)} ins and an init, but {len(self.maps)} accesses")
        for value, access in zip((*self.inputs, self.init), self.accesses, strict=True):
            assert isinstance(value.type, TensorType)
            check_access(access, value.type, self.loops)
        reduced = {i for i, kind in enumerate(self.kinds) if kind == "reduction"}
        if self.accesses[-1].used_dims() & reduced:
            raise VerifyException("the init is indexed by a reduction loop")
        for i, (loop, extent) in enumerate(zip(self.loop_names, self.extents)):
            if i not in reduced and extent > 1 and i not in self.accesses[-1].used_dims():
                raise VerifyException(f"parallel loop {loop} does not index the init")
        if self.init.type != self.res.type:
            raise VerifyException(f"result has type {self.res.type}, init {self.init.type}")


@irdl_op_definition
class GenericOp(NestOperation):
    """A perfect loop nest with explicit, named loops and a scalar body.

    ```mlir
    %s = tensorized.generic loops (p: parallel 49, o: parallel 64, k: reduction 576)
      ins(%x at (p, k) : tensor<49x576xf32>, %w at (o, k) : tensor<64x576xf32>)
      init(%b at (p, o) : tensor<49x64xf32>) {
    ^bb0(%xe : f32, %we : f32, %acc : f32):
      %p = arith.mulf %xe, %we : f32
      %a = arith.addf %acc, %p : f32
      tensorized.yield %a : f32
    } -> tensor<49x64xf32>
    ```
    `linalg.generic` cannot say this: it infers extents from shapes, so halos, row strides and merged
    loops over physical tensors fail its verifier. Elements of the init that no iteration writes are kept.
    """

    name = "tensorized.generic"
    body = region_def("single_block")
    traits = traits_def(Pure())

    def __init__(
        self,
        inputs: Sequence[SSAValue],
        init: SSAValue,
        loops: Sequence[LoopAttr],
        maps: Sequence[AffineMap],
        body: Region,
    ):
        super().__init__(
            operands=[inputs, init],
            result_types=[init.type],
            properties={"loops": ArrayAttr(loops), "maps": ArrayAttr(map(AffineMapAttr, maps))},
            regions=[body],
        )

    def print(self, printer: Printer) -> None:
        self.print_nest(printer)
        printer.print_string(" ")
        printer.print_region(self.body)
        printer.print_string(" -> ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> GenericOp:
        operands, properties = cls.parse_nest(parser)
        body = parser.parse_region()
        parser.parse_punctuation("->")
        return cls.build(
            operands=operands, result_types=[parser.parse_type()], properties=properties, regions=[body]
        )

    def verify_(self) -> None:
        self.verify_nest()
        elements = [v.type.element_type for v in (*self.inputs, self.init) if isinstance(v.type, TensorType)]
        if [a.type for a in self.body.block.args] != elements:
            raise VerifyException("body arguments must have the element types of the ins and the init")
        last = self.body.block.last_op
        if not isinstance(last, YieldOp) or [v.type for v in last.operands] != elements[-1:]:
            raise VerifyException(f"the body must yield one {elements[-1]}")
