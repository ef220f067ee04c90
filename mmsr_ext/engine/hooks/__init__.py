"""Hooks of MMEngine's runner; those of `configs/_base_/default_runtime.py` run in every recipe."""
