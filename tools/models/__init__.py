"""The benchmark models, by name: known architectures with seeded weights, as ONNX files.

Those written here as torch modules need the extra `bench`; those that ship inside the onnx package need
onnxruntime, to measure their batch norms' statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...dialects.errors import TenonError, UsageError

if TYPE_CHECKING:
    from onnx import ModelProto

FLOAT = "fp32"
QUANTIZED = ("int8-qdq", "int8-qop")
"""Made by onnxruntime.quantization: floats between QuantizeLinear and DequantizeLinear, or integer ops."""

PRECISIONS = (FLOAT, *QUANTIZED)

IMAGE = (1, 3, 224, 224)


@dataclass(frozen=True)
class Entry:
    """A model: what it is, and the function that makes its ONNX model from its name."""

    summary: str
    build: Callable[[str], ModelProto]


def _torch(
    summary: str, module: str, factory: str, *arguments: Any, shape: tuple[int, ...] = IMAGE, words: int = 0
) -> Entry:
    """An entry for `factory(*arguments)` of a module of this package; names in `arguments` that the module
    defines stand for what they name. `words`: the input holds integers below it, else normal numbers."""

    def build(name: str) -> ModelProto:
        from .export import export_module

        home = import_module(f".{module}", __package__)
        given = [getattr(home, a) if isinstance(a, str) else a for a in arguments]
        return export_module(name, partial(getattr(home, factory), *given), shape, words)

    return Entry(summary, build)


def _light(file: str) -> Entry:
    def build(name: str) -> ModelProto:
        from .light import seeded_light

        return seeded_light(name, file)

    return Entry(f"{file} of the onnx package", build)


MODELS: dict[str, Entry] = {
    "resnet18": _torch("ResNet-18, 224x224", "residual", "resnet", "BasicBlock", (2, 2, 2, 2)),
    "resnet50": _torch("ResNet-50, 224x224", "residual", "resnet", "Bottleneck", (3, 4, 6, 3)),
    "resnet50-odd": _torch("ResNet-50 of odd widths, as pruned", "residual", "odd_resnet", (3, 4, 6, 3)),
    "mobilenetv2": _torch("MobileNetV2, 224x224", "residual", "mobilenet_v2"),
    "efficientnet-like": _torch("like EfficientNet-B0: gates and SiLU, 224x224", "residual", "efficientnet"),
    "densenet121-like": _torch("like DenseNet-121, 224x224", "concatenating", "densenet"),
    "unet": _torch(
        "U-Net: transposed convolutions, resize, 128x128", "concatenating", "UNet", shape=(1, 3, 128, 128)
    ),
    "bert-base": _torch(
        "BERT-base encoder: 12 layers, 128 tokens of 768", "sequences", "bert", shape=(1, 128, 768)
    ),
    "vit-tiny": _torch("ViT-Tiny, 224x224", "sequences", "VisionTransformer"),
    "gpt2-block": _torch(
        "one causal block of GPT-2, 128 tokens of 768", "sequences", "gpt2_block", shape=(1, 128, 768)
    ),
    "lstm-tagger": _torch(
        "bidirectional LSTM over 32 word numbers", "sequences", "Tagger", shape=(1, 32), words=1000
    ),
    "lenet5": _torch("LeNet-5 with batch norms, 28x28", "small", "lenet5", shape=(1, 1, 28, 28)),
    "lenet5-wide": _torch(
        "LeNet-5 as Caffe and papers on pruning have it: 20 and 50 filters, 500 neurons",
        *("small", "lenet5", (20, 50), (500,), 0),
        shape=(1, 1, 28, 28),
    ),
    "resnet20": _torch("ResNet-20, 28x28 in grey", "small", "small_resnet", 20, 1, shape=(1, 1, 28, 28)),
    "resnet20-halved": _torch(
        "ResNet-20, 28x28 in grey, first in steps of 2",
        *("small", "small_resnet", 20, 1, 10, 2),
        shape=(1, 1, 28, 28),
    ),
    "resnet56": _torch("ResNet-56, 32x32", "small", "small_resnet", 56, shape=(1, 3, 32, 32)),
    **{
        f"onnx-{file.replace('_', '-')}": _light(file)
        for file in (
            *("resnet50", "squeezenet", "shufflenet", "densenet121", "inception_v1", "inception_v2"),
            *("vgg19", "bvlc_alexnet", "zfnet512"),
        )
    },
}


def check_known(
    names: Sequence[str], precision: str = FLOAT, signed: bool = False, reduce_range: bool = False
) -> None:
    """Raises for a name or a precision that is not in the table, and for choices of bytes where values
    are floats."""
    for name in names:
        if name not in MODELS:
            raise UsageError(f"no model '{name}', the models are: {', '.join(MODELS)}")
    if precision not in PRECISIONS:
        raise UsageError(f"precision '{precision}' is unknown, expected one of {', '.join(PRECISIONS)}")
    for option, given in (("--signed", signed), ("--reduce-range", reduce_range)):
        if given and precision not in QUANTIZED:
            raise UsageError(f"{option} is for precisions {', '.join(QUANTIZED)}, not {precision}")


def build_model(
    name: str, precision: str = FLOAT, signed: bool = False, reduce_range: bool = False
) -> ModelProto:
    """The ONNX model called `name`; the same bytes each time. Quantized ones have u8 activations and s8
    weights, `signed` ones s8 activations too, those of a reduced range weights of 7 bits."""
    check_known([name], precision, signed, reduce_range)
    try:
        model = MODELS[name].build(name)
        if precision == FLOAT:
            return model
        from .quantized import quantize, seeded_feeds

        return quantize(model, precision, signed, seeded_feeds(name, model), reduce_range)
    except ModuleNotFoundError as error:
        extra = f"{error.name}, which the extra 'bench' installs: pip install 'tenonc[bench]'"
        raise TenonError(f"model '{name}' needs {extra}") from None
