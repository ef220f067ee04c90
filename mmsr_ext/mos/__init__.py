"""The mean-opinion-score test of the SRGAN paper: people rate images from 1, bad, to 5, excellent."""

from .build import build_study, parse_methods
from .score import score_study
from .server import serve_study

__all__ = ['build_study', 'parse_methods', 'score_study', 'serve_study']
