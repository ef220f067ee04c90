from .evaluate import evaluate, evaluate_all
from .interpolate import interpolate, save_interpolations
from .load import load_generator
from .pairs import make_pairs
from .train import train

__all__ = ['evaluate', 'evaluate_all', 'interpolate', 'load_generator', 'make_pairs', 'save_interpolations', 'train']
