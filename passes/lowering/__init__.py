"""Helpers of `lower-kernels`: loop emission, register accesses, borders."""
