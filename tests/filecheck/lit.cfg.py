"""lit's configuration: every .mlir file below is a test, run with this environment's tools."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
import forked  # noqa: E402

config.name = "tenon"  # noqa: F821
config.test_format = forked.ForkedTest(execute_external=False)  # noqa: F821
config.suffixes = [".mlir"]  # noqa: F821
config.test_source_root = os.path.dirname(__file__)  # noqa: F821
config.test_exec_root = os.environ.get("TENON_LIT_OUTPUT", config.test_source_root)  # noqa: F821

tools = os.path.dirname(sys.executable)
config.environment["PATH"] = os.pathsep.join([tools, os.environ["PATH"]])  # noqa: F821
config.environment["PYTHONWARNINGS"] = "ignore"  # noqa: F821
if "PYTHONPATH" in os.environ:  # a checkout that is not the installed one
    config.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]  # noqa: F821
