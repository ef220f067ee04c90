from .benchmark import BenchmarkDataset
from .image_pairs import PairedImageDataset
from .images import ImageDataset
from .imread import read_image
from .packed import PackedPairs, stack_images
from .sampler import Draw, InfiniteDraws
from .side_by_side import SideBySideDataset

__all__ = [
    'BenchmarkDataset', 'Draw', 'ImageDataset', 'InfiniteDraws', 'PackedPairs', 'PairedImageDataset', 'SideBySideDataset', 'read_image',
    'stack_images'
]
