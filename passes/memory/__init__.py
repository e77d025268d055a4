"""Helpers of `plan-memory` and `materialize-weights`: live ranges, offsets, compile-time values."""
