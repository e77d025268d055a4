"""Helpers of `legalize-qnn`: what dot products there are, and how quantized tensors are stored."""
