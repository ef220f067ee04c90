from .evaluate import evaluate
from .export import export, file_info
from .interpolate import interpolate, save_interpolations
from .load import load_generator
from .pairs import make_pairs
from .train import train

__all__ = ['evaluate', 'export', 'file_info', 'interpolate', 'load_generator', 'make_pairs', 'save_interpolations', 'train']
