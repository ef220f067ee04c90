from .evaluate import evaluate
from .pairs import make_pairs
from .train import train

__all__ = ['evaluate', 'make_pairs', 'train']
