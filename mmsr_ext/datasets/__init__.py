"""Datasets of packed stores and of image folders, and the sampler that numbers the draws of a run."""

from .. import registry  # noqa: F401  mends MMagic, which the datasets import
from ..io.images import read_image
from .images import ImageDataset
from .mixed import MixedDataset
from .packed import PackedPairs, stack_images
from .pairs import PairedImageDataset
from .sampler import Draw, InfiniteDraws
from .side_by_side import SideBySideDataset
from .test_set import BenchmarkDataset

__all__ = [
    'BenchmarkDataset',
    'Draw',
    'ImageDataset',
    'InfiniteDraws',
    'MixedDataset',
    'PackedPairs',
    'PairedImageDataset',
    'SideBySideDataset',
    'read_image',
    'stack_images',
]
