"""What the tests of this folder share: text in, a module with an interpreter out."""

from collections.abc import Callable

import pytest
from xdsl.context import Context
from xdsl.dialects import get_all_dialects
from xdsl.parser import Parser

from tenonc.dialects.reference import ReferenceInterpreter, interpreter
from tenonc.dialects.registry import DIALECTS


@pytest.fixture(scope="session")
def machine() -> Callable[[str], ReferenceInterpreter]:
    """Parses and verifies a module, and gives the reference interpreter of it."""

    def make(text: str) -> ReferenceInterpreter:
        context = Context()
        for name, factory in (get_all_dialects() | DIALECTS).items():
            context.register_dialect(name, factory)
        module = Parser(context, text).parse_module()
        module.verify()
        return interpreter(module)

    return make
