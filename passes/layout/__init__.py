"""Helpers of `assign-layouts`: layouts through view ops, and the votes on dimension order."""
