"""Compiled models, and what tuning has found, in a folder that processes share."""
