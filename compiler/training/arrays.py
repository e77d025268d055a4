"""numpy arrays as torch tensors and back, for every element type of the IR."""

from __future__ import annotations

import numpy as np
import torch
from xdsl.ir import Attribute

from ...dialects.nn import numpy_dtype


def to_torch(array: np.ndarray) -> torch.Tensor:
    """A tensor with a copy of `array`; torch knows bf16 by its bits only."""
    array = np.array(array, order="C")
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def to_numpy(tensor: torch.Tensor, dtype: np.dtype) -> np.ndarray:
    """The elements of `tensor` as `dtype`, wherever they lie."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.numpy().astype(dtype, order="C", copy=True)


def torch_dtype(element: Attribute, floats: torch.dtype | None = None) -> torch.dtype:
    """The torch dtype of an element type; every float is `floats` where that is given."""
    dtype = to_torch(np.empty(0, numpy_dtype(element))).dtype
    return floats if floats is not None and dtype.is_floating_point else dtype
