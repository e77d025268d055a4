"""Helpers of `schedule-kernels`: tile shapes by an analytic rule, packing of compile-time operands."""
