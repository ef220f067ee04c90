"""Measuring checkpoints: image sets, metrics, table, comparison, trade-off, report."""
