"""Helpers of `fuse-kernels`: grouping ops, and building a kernel from a group."""
