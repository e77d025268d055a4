"""What run and create refuse through the C interface: by status and text, with nothing written."""

import ctypes
from ctypes import byref, c_int64, c_void_p

import numpy as np
import pytest

from tenonc.targets.llvm.library import ABI_VERSION, ERROR_BYTES, Api, Options, Tensor

FLOAT32, INT64 = 1, 7
IMAGE_BYTES = 3 * 16 * 16 * 4


@pytest.fixture(scope="module")
def api(built) -> Api:
    return Api.in_dll(ctypes.CDLL(str(built.inside)), "tenon_model_api")


class Call:
    """The arguments of a run, right until something is changed."""

    def __init__(self, api: Api):
        self.api, self.model = api, c_void_p()
        self.error = ctypes.create_string_buffer(b"old", ERROR_BYTES)
        assert api.create(ABI_VERSION, None, byref(self.model), self.error) == 0
        shapes = ((1, 3, 16, 16), (2,), (1, 8, 16, 16), (2,))
        dtypes = (np.float32, np.int64, np.float32, np.int64)
        self.arrays = [np.full(shape, 7, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        self.inputs = (Tensor * 2)(*(self._tensor(a) for a in self.arrays[:2]))
        self.outputs = (Tensor * 2)(*(self._tensor(a) for a in self.arrays[2:]))
        self.counts = [2, 2]

    @staticmethod
    def _tensor(array: np.ndarray) -> Tensor:
        dtype = FLOAT32 if array.dtype == np.float32 else INT64
        shape = (c_int64 * array.ndim)(*array.shape)
        return Tensor(array.ctypes.data, shape, None, array.nbytes, dtype, array.ndim)

    def __call__(self) -> tuple[int, str]:
        inputs, outputs = self.inputs, self.outputs
        status = self.api.run(self.model, inputs, self.counts[0], outputs, self.counts[1], self.error)
        return status, self.error.value.decode()


@pytest.fixture
def call(api: Api):
    made = Call(api)
    model = c_void_p(made.model.value)
    yield made
    api.destroy(model)


def numbers(*values: int):
    return (c_int64 * len(values))(*values)


def misalign(tensor: Tensor) -> None:
    tensor.data += 2


REFUSED = {
    "input 'image': dtype is 7 (int64), expected 1 (float32)": lambda c: setattr(c.inputs[0], "dtype", 7),
    "input 'image': dtype is 99 (unknown), expected 1 (float32)": lambda c: setattr(c.inputs[0], "dtype", 99),
    "input 'k': dtype is -1 (unknown), expected 7 (int64)": lambda c: setattr(c.inputs[1], "dtype", -1),
    "input 'image': rank is 3, expected 4": lambda c: setattr(c.inputs[0], "rank", 3),
    "input 'image': shape is null, expected 4 extents": lambda c: setattr(c.inputs[0], "shape", None),
    "input 'image': dimension 2 is 15, expected 16": lambda c: setattr(
        c.inputs[0], "shape", numbers(1, 3, 15, 16)
    ),
    "output 'features': dimension 1 is -8, expected 8": lambda c: setattr(
        c.outputs[0], "shape", numbers(1, -8, 16, 16)
    ),
    "input 'image': stride 3 is 3, expected 1: tensors are row-major, without gaps": lambda c: setattr(
        c.inputs[0], "strides", numbers(768, 1, 48, 3)
    ),
    "output 'next': stride 0 is 2, expected 1: tensors are row-major, without gaps": lambda c: setattr(
        c.outputs[1], "strides", numbers(2)
    ),
    f"input 'image': 600 bytes, expected {IMAGE_BYTES}": lambda c: setattr(c.inputs[0], "bytes", 600),
    "output 'next': 17 bytes, expected 16": lambda c: setattr(c.outputs[1], "bytes", 17),
    "input 'image': data is null, expected 3072 bytes": lambda c: setattr(c.inputs[0], "data", None),
    "output 'features': data is null, expected 8192 bytes": lambda c: setattr(c.outputs[0], "data", None),
    "1 inputs are given, the model has 2": lambda c: c.counts.__setitem__(0, 1),
    "3 outputs are given, the model has 2": lambda c: c.counts.__setitem__(1, 3),
    "the list of inputs is null, expected 2 tensors": lambda c: setattr(c, "inputs", None),
    "the list of outputs is null, expected 2 tensors": lambda c: setattr(c, "outputs", None),
    "the model is null": lambda c: setattr(c, "model", None),
    "output 'features': overlaps the memory of input 'image'": lambda c: setattr(
        c.outputs[0], "data", c.inputs[0].data + IMAGE_BYTES - 4
    ),
    "output 'next': overlaps the memory of output 'features'": lambda c: setattr(
        c.outputs[1], "data", c.outputs[0].data
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_tensors_that_do_not_fit(call: Call, text: str):
    REFUSED[text](call)
    assert call() == (1, text)
    assert all((array == 7).all() for array in call.arrays[2:])


@pytest.mark.parametrize(("which", "alignment"), [("inputs", 4), ("outputs", 4)])
def test_misaligned_memory(call: Call, which: str, alignment: int):
    misalign(getattr(call, which)[0])
    status, text = call()
    name = {"inputs": "input 'image'", "outputs": "output 'features'"}[which]
    assert status == 1
    assert text == f"{name}: data at {getattr(call, which)[0].data:#x}, expected a multiple of {alignment}"


def test_strides_that_mean_row_major(built, call: Call):
    call.inputs[0].strides = numbers(-5, 256, 16, 1)  # the first dimension has one element
    assert call() == (0, "")
    np.testing.assert_array_equal(call.arrays[2], built.exe(*call.arrays[:2])[0])


def test_no_error_text_is_wanted(call: Call):
    call.inputs[0].rank = 3
    call.error = None
    assert call.api.run(call.model, call.inputs, 2, call.outputs, 2, None) == 1


def test_a_model_of_another_library(built, call: Call):
    other = Api.in_dll(ctypes.CDLL(str(built.external)), "tenon_model_api")
    assert other.run(call.model, call.inputs, 2, call.outputs, 2, call.error) == 1
    assert call.error.value == b"the model was created by another library, or is destroyed"


@pytest.mark.parametrize(
    ("version", "threads", "weights", "status", "text"),
    [
        (7, 0, None, 2, "the program was built for version 7 of the interface, the model has 1"),
        (1, -3, None, 1, "threads is -3, expected 1 to 64, or 0 for what the model was compiled for"),
        (1, 65, None, 1, "threads is 65, expected 1 to 64, or 0 for what the model was compiled for"),
        (1, 0, b"w", 1, "weights 'w': a path is given, but the model has its weights inside"),
    ],
)
def test_create_refuses(api: Api, version, threads, weights, status, text):
    model, error = c_void_p(1), ctypes.create_string_buffer(ERROR_BYTES)
    options = Options(threads, weights)
    assert api.create(version, byref(options), byref(model), error) == status
    assert error.value.decode() == text and model.value is None


def test_create_without_a_place(api: Api):
    error = ctypes.create_string_buffer(ERROR_BYTES)
    assert api.create(ABI_VERSION, None, None, error) == 1
    assert error.value == b"the place for the model is null"
    api.destroy(None)


def test_long_names_are_cut(built):
    """A text always fits, with its end."""
    error = ctypes.create_string_buffer(b"x" * (ERROR_BYTES + 8))
    api = Api.in_dll(ctypes.CDLL(str(built.external)), "tenon_model_api")
    options, model = Options(0, b"w" * 4000), c_void_p()
    assert api.create(ABI_VERSION, byref(options), byref(model), error) == 4
    assert error.raw[:ERROR_BYTES].rstrip(b"x").endswith(b"cannot be opened: File name too long\0")
    assert error.raw[ERROR_BYTES:-1] == b"x" * 8
