"""Einsum, samples between pixels, Fourier transforms, determinants: native and interpreted."""

import numpy as np
import pytest

from tenonc.compiler import TenonError, compile, load, run_reference

RNG = np.random.default_rng(29)


def f32(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


EQUATIONS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("bqhd,bkhd->bhqk", (2, 4, 3, 5), (2, 6, 3, 5)),
    ("ij->ji", (3, 4)),
    ("ij", (3, 4)),
    ("ii->i", (4, 4)),
    ("ii", (4, 4)),
    ("iji->j", (3, 4, 3)),
    ("i,i", (5,), (5,)),
    ("i,j->ij", (3,), (4,)),
    ("ij,kl->", (2, 3), (4, 5)),
    ("ij,j,k->ki", (2, 3), (3,), (4,)),
    ("...ij,...jk->...ik", (2, 3, 4), (5, 1, 4, 2)),
    ("a...b,b->a...", (2, 3, 4, 5), (5,)),
    ("...ii->...i", (2, 3, 3)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ("ijk,ikl->", (2, 3, 4), (2, 4, 5)),
]


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: case[0])
def test_einsum(one_op, like_onnxruntime, case):
    equation, *shapes = case
    arrays = {f"x{i}": f32(*shape) for i, shape in enumerate(shapes)}
    model = one_op("Einsum", arrays, equation=equation)
    (found,) = compile(load(model))(arrays)
    np.testing.assert_allclose(found, np.einsum(equation, *arrays.values()), rtol=1e-4, atol=1e-5)
    reference = run_reference(load(model), arrays)["y0"]
    np.testing.assert_allclose(reference, found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "text"),
    [
        ("ij,jk", "has 2 terms for 1 operands"),
        ("ijk->i", "'ijk' does not label 2 dimensions"),
        ("i.j->i", "is malformed at 'i.j'"),
        ("ij->k", "result 'k' repeats a label or has one of no operand"),
        ("ii->i", "label 'i' has extents 2 and 3"),
    ],
)
def test_wrong_equations(one_op, equation, text):
    with pytest.raises(TenonError, match=text):
        load(one_op("Einsum", {"x": f32(2, 3)}, equation=equation))


@pytest.mark.parametrize("aligned", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
def test_grid_sample(one_op, like_onnxruntime, mode, padding, aligned):
    grid = RNG.uniform(-1.6, 1.6, (2, 5, 7, 2)).astype(np.float32)
    arrays = {"x": f32(2, 3, 6, 4), "g": grid}
    options = {"mode": mode, "padding_mode": padding, "align_corners": aligned}
    like_onnxruntime(one_op("GridSample", arrays, opset=20, **options), arrays)
    if mode != "cubic":
        volume = {"x": f32(2, 3, 3, 4, 5), "g": RNG.uniform(-1.4, 1.4, (2, 2, 3, 4, 3)).astype(np.float32)}
        like_onnxruntime(one_op("GridSample", volume, opset=20, **options), volume)


@pytest.mark.parametrize("half", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_roi_align(one_op, like_onnxruntime, mode, half):
    corner = RNG.uniform(0, 20, (5, 2))
    regions = np.concatenate([corner, corner + RNG.uniform(1, 30, (5, 2))], 1).astype(np.float32)
    arrays = {"x": f32(2, 3, 9, 11), "r": regions, "i": np.array([0, 1, 1, 0, 1])}
    options = {"output_height": 3, "output_width": 2, "sampling_ratio": 2, "spatial_scale": 0.3, "mode": mode}
    if mode == "max":  # onnxruntime is known to be wrong there: only that it runs
        model = one_op("RoiAlign", arrays, opset=16, coordinate_transformation_mode=half, **options)
        assert np.isfinite(compile(load(model))(arrays)[0]).all()
        return
    model = one_op("RoiAlign", arrays, opset=16, coordinate_transformation_mode=half, **options)
    like_onnxruntime(model, arrays)


@pytest.mark.parametrize("parts", [1, 2])
def test_fourier_transforms(one_op, parts):
    x = f32(2, 9, 5, parts)
    signal = x[..., 0] + (1j * x[..., 1] if parts == 2 else 0)
    for axis, length in [(1, 9), (2, 5), (1, 12), (1, 4)]:
        constants = {"n": np.array(length), "a": np.array(axis)}
        model = one_op("DFT", {"x": x}, constants, opset=20)
        expected = np.fft.fft(signal, length, axis)
        (found,) = compile(load(model))(x)
        np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], expected, rtol=1e-4, atol=1e-5)
    if parts == 1:
        (half,) = compile(load(one_op("DFT", {"x": x}, constants, opset=20, onesided=1)))(x)
        np.testing.assert_allclose(
            half[..., 0] + 1j * half[..., 1], np.fft.rfft(signal, 4, 1), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("length", [8, 9])
def test_real_signals_from_half_a_spectrum(one_op, length):
    signal = f32(3, length)
    spectrum = np.fft.rfft(signal)
    x = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
    constants = {"n": np.array(length), "a": np.array(1)}
    model = one_op("DFT", {"x": x}, constants, opset=20, onesided=1, inverse=1)
    np.testing.assert_allclose(compile(load(model))(x)[0][..., 0], signal, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_determinants(one_op, n):
    x = f32(3, n, n)
    (found,) = compile(load(one_op("Det", {"x": x})))(x)
    np.testing.assert_allclose(found, np.linalg.det(x), rtol=1e-4, atol=1e-5)


def test_large_determinants_are_refused(one_op):
    with pytest.raises(TenonError, match="matrices of 5 rows are not supported, expected 1 to 4"):
        load(one_op("Det", {"x": f32(5, 5)}))


def test_columns_to_image(one_op, like_onnxruntime):
    for image, block, options in [
        ((5, 5), (2, 3), {}),
        ((6, 7), (2, 2), {"strides": [2, 3], "pads": [1, 0, 1, 2]}),
        ((6, 6), (2, 2), {"dilations": [2, 1]}),
    ]:
        strides, pads = options.get("strides", [1, 1]), options.get("pads", [0] * 4)
        spans = [(b - 1) * d + 1 for b, d in zip(block, options.get("dilations", [1, 1]))]
        counts = [(n + pads[i] + pads[i + 2] - spans[i]) // strides[i] + 1 for i, n in enumerate(image)]
        x = {"x": f32(2, 3 * block[0] * block[1], counts[0] * counts[1])}
        constants = {"i": np.array(image), "b": np.array(block)}
        like_onnxruntime(one_op("Col2Im", x, constants, opset=18, **options), x)
