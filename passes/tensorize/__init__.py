"""Helpers of `tensorize-match` and `schedule-kernels`: bodies, bindings, costs, the target record."""
