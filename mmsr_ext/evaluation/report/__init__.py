"""The page that `tools/test.py --out` writes: table, images under a slider, curves."""

from .page import save_report

__all__ = ['save_report']
