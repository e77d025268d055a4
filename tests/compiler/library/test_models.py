"""Models of every kind as shared objects: element types, scalars, no elements, no inputs; and what a system
refuses."""

import os
import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import Executable, TenonError, compile, load, load_executable
from tenonc.compiler.library import shared_object

KINDS = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32")
KINDS = (*KINDS, "INT64", "UINT64", "BOOL")


def build(nodes, inputs, outputs, constants=()) -> Executable:
    infos = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs]
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph(nodes, "g", infos, results, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return compile(load(model))


def loaded(exe: Executable, folder: Path, **options) -> Executable:
    exe.write("so", folder / "m.so", **options)
    return load_executable(folder / "m.so")


def test_every_element_type(tmp_path):
    nodes = [helper.make_node("Concat", [f"x{i}", f"x{i}"], [f"y{i}"], axis=0) for i in range(len(KINDS))]
    inputs = [(f"x{i}", getattr(TensorProto, kind), [3]) for i, kind in enumerate(KINDS)]
    exe = build(nodes, inputs, [f"y{i}" for i in range(len(KINDS))])
    found = loaded(exe, tmp_path)
    assert found.inputs == exe.inputs and found.outputs == exe.outputs
    arrays = [np.array([0, 1, 1]).astype(port.dtype) for port in exe.inputs]
    for array, result in zip(arrays, found(*arrays), strict=True):
        assert result.dtype == array.dtype
        np.testing.assert_array_equal(result, np.concatenate([array, array]))


def test_scalars_and_no_elements(tmp_path):
    nodes = [helper.make_node("Add", ["s", "s"], ["t"]), helper.make_node("Neg", ["e"], ["f"])]
    exe = build(nodes, [("s", TensorProto.FLOAT, []), ("e", TensorProto.FLOAT, [2, 0, 3])], ["t", "f"])
    total, empty = loaded(exe, tmp_path)(np.float32(1.5), np.zeros((2, 0, 3), np.float32))
    assert total.shape == () and total == 3 and empty.shape == (2, 0, 3)


@pytest.mark.parametrize("weights", ["inside", "external"])
def test_no_inputs(tmp_path, weights):
    constant = numpy_helper.from_array(np.arange(5, dtype=np.float32), "c")
    exe = build([helper.make_node("Neg", ["c"], ["y"])], [], ["y"], [constant])
    np.testing.assert_array_equal(loaded(exe, tmp_path, weights=weights)()[0], -np.arange(5))


def test_no_weights(tmp_path):
    exe = build([helper.make_node("Neg", ["x"], ["y"])], [("x", TensorProto.FLOAT, [4])], ["y"])
    for weights in ("inside", "external"):
        np.testing.assert_array_equal(
            loaded(exe, tmp_path / weights, weights=weights)(np.ones(4, np.float32))[0], -np.ones(4)
        )


def test_emitted_bytes_are_those_of_the_file(built):
    assert built.exe.emit("so") == built.inside.read_bytes()


def test_weights_that_are_too_many_for_inside(built, tmp_path, monkeypatch):
    monkeypatch.setattr("tenonc.targets.llvm.shared_object._MOST_INSIDE", 100)
    with pytest.raises(TenonError, match=r"bytes of weights are more than a shared object can hold \(100"):
        built.exe.write("so", tmp_path / "m.so")
    assert not (tmp_path / "m.so").exists()
    built.exe.write("so", tmp_path / "m.so", weights="external")


def test_a_link_to_a_library_finds_its_weights(built, tmp_path):
    """A copy, which no other test has in memory under another path."""
    folder = shutil.copytree(built.external.parent, tmp_path / "copy")
    (tmp_path / "link.so").symlink_to(folder / "model.so")
    expected = built.exe(*built.inputs())[0]
    np.testing.assert_array_equal(load_executable(tmp_path / "link.so")(*built.inputs())[0], expected)
    shutil.copy(built.external.with_suffix(".weights"), tmp_path)  # beside the link counts first
    with (tmp_path / "model.weights").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(TenonError, match=f"weights '{tmp_path}/model.weights': 100 bytes, expected"):
        load_executable(tmp_path / "link.so")


def test_no_memory_for_an_arena(built, tmp_path):
    library = shared_object(built.exe, "m")
    library.interface = replace(library.interface, arena_bytes=1 << 46)
    library.write(tmp_path / "m.so")
    with pytest.raises(TenonError, match=f"m.so: not enough memory for an arena of {1 << 46} bytes$"):
        load_executable(tmp_path / "m.so")


def test_more_runs_at_a_time_than_arenas_are_kept(built):
    exe, expected = load_executable(built.inside), built.exe(*built.inputs())[0]
    start, wrong = threading.Barrier(40), []

    def work() -> None:
        start.wait()
        for _ in range(20):
            if not np.array_equal(exe(*built.inputs())[0], expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_process_runs_it_too(built):
    exe, expected = load_executable(built.inside), built.exe(*built.inputs())[0]
    exe(*built.inputs())
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(exe(*built.inputs())[0], expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(exe(*built.inputs())[0], expected)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_an_emulated_cpu_without_avx512_is_told_what_it_lacks(make_network, tmp_path):
    """valgrind stands for a machine whose cpuid knows no AVX-512."""
    compile(load(make_network()), "x86-64-v4").write("so", tmp_path / "m.so")
    source = """
    #include "m.h"
    #include <stdio.h>
    int main(void) {
      tenon_error error;
      tenon_model *model;
      int status = tenon_m_create(TENON_ABI_VERSION, NULL, &model, &error);
      puts(error.text);
      return status == TENON_WRONG_CPU && !model ? 0 : 1;
    }
    """
    (tmp_path / "m.c").write_text(source)
    build = ["cc", "m.c", "m.so", "-I.", "-Wl,-rpath,$ORIGIN", "-o", "m"]
    subprocess.run(build, cwd=tmp_path, check=True)
    run = subprocess.run(["valgrind", "-q", tmp_path / "m"], capture_output=True, text=True, check=True)
    missing = "avx512bw, avx512cd, avx512dq, avx512f, avx512vl"
    assert run.stdout == f"code for target x86-64-v4 cannot run here: this cpu has no {missing}\n"
