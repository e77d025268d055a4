"""`tenonc conformance`: cases end as they should, and nothing wrong is counted as passed."""

import json
import os
import signal
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tenonc.tools import tenonc
from tenonc.tools.case_compare import Wrong, compare
from tenonc.tools.case_run import CaseRunner
from tenonc.tools.conformance import category
from tenonc.tools.onnx_cases import QUANTIZED, collect
from tenonc.tools.workers import Died, run_isolated


@pytest.fixture(scope="module")
def node_cases():
    return {case.name: case for case in collect("node")}


def test_counts_of_the_package(node_cases):
    assert len(node_cases) >= 1800
    assert [len(collect(group)) for group in ("real", "pytorch-operator")] == [9, 35]


def test_a_passing_case(node_cases):
    assert CaseRunner()(node_cases["test_relu"]).status == "passed"
    assert CaseRunner("onnxruntime")(node_cases["test_relu"]).status == "passed"


def test_an_input_that_must_be_known_is_bound_and_said_so(node_cases):
    outcome = CaseRunner()(node_cases["test_reshape_reordered_all_dims"])
    assert (outcome.status, outcome.bound, outcome.folded) == ("passed", ["shape"], False)


def test_a_wrong_value_is_wrong(node_cases):
    case = node_cases["test_relu"]
    ((inputs, (expected,)),) = case.sets
    off = replace(case, sets=[(inputs, [expected + 0.01])])
    assert CaseRunner()(off).status == "wrong"
    assert CaseRunner("onnxruntime")(off).status == "wrong"


@pytest.mark.parametrize("part", range(3))
def test_every_quantized_case_passes(node_cases, part):
    cases = [case for case in node_cases.values() if QUANTIZED.search(case.name)]
    assert len(cases) == 45
    for case in cases[part::3]:
        outcome = CaseRunner()(case)
        assert (outcome.status, outcome.bound) == ("passed", []), f"{case.name}: {outcome.reason}"


def test_what_is_not_supported_is_refused_by_name(node_cases):
    outcome = CaseRunner()(node_cases["test_string_split_basic"])
    assert outcome.status == "refused" and "StringSplit" in outcome.reason


@pytest.mark.parametrize(
    "got",
    [
        np.zeros(3, np.float32),
        np.zeros((1, 2), np.float32),
        np.zeros(2, np.float64),
        np.asarray([0, np.nan], np.float32),
        np.asarray([0, 1e-6], np.float32),
    ],
    ids=["extent", "rank", "dtype", "nan", "value"],
)
def test_compare_sees(got):
    with pytest.raises(Wrong):
        compare([got], [np.zeros(2, np.float32)], rtol=1e-3, atol=1e-7)
    compare([got], [got.copy()], rtol=0, atol=0)


def test_a_crash_and_a_hang_are_one_item_each():
    (crash,) = run_isolated(os._exit, [(3, 60.0)], 1)
    assert crash == (3, Died("the process ended with status 3"))
    results = dict(run_isolated(time.sleep, [(0.0, 60.0), (30.0, 0.2), (0.001, 60.0)], 1))
    assert results == {0.0: None, 30.0: Died("no result after 0 s"), 0.001: None}


def test_an_exception_of_the_function_is_raised():
    with pytest.raises(ValueError, match="negative"):
        list(run_isolated(time.sleep, [(-1.0, 60.0)], 1))


def test_reasons_are_counted_without_names():
    assert category("unsupported ops: Foo ('a', 'b'); Bar ('c')") == "op Foo, Bar"
    assert category("input 'x': element type int4 is not supported") == "dtype int4"
    assert category("node 'n' (Pad): axis 3 of [2, 3] is bad") == "Pad: axis n of n is bad"


def test_the_verb_writes_every_failure(tmp_path, capsys):
    path = tmp_path / "r.json"
    pattern = "^test_(relu|string_split_basic)$"
    assert tenonc.main(["conformance", "--filter", pattern, "--json", str(path), "--jobs", "1"]) == 0
    content = json.loads(path.read_text())
    assert (content["passed"], content["total"]) == (1, 2)
    assert content["groups"] == {"node": "1 of 2"}
    assert list(content["failures"]) == ["test_string_split_basic"]
    assert content["wrong"] == content["error"] == {}
    assert "1 of 2 pass" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--filter", "("], "--filter '(' is no regular expression"),
        (["--filter", "^nothing$"], "no case of group node matches '^nothing$'"),
        (["--jobs", "0"], "--jobs is 0, expected at least 1"),
    ],
)
def test_bad_usage(options, text, capsys):
    assert tenonc.main(["conformance", *options]) == 2
    assert text in capsys.readouterr().err


def test_an_interrupt_is_not_for_the_workers():
    blocked = partial(signal.pthread_sigmask, signal.SIG_BLOCK)
    ((_, mask),) = run_isolated(blocked, [((), 30.0)], 1)
    assert signal.SIGINT in mask
    assert signal.SIGINT not in blocked(())
