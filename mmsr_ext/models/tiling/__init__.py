"""Run a network on an image that is larger than memory allows: what it needs, and tiles."""

from .tiled_run import TiledRun, check_tiles, out_of_memory, tile_from_memory
from .traits import Traits, examine

__all__ = ['TiledRun', 'Traits', 'check_tiles', 'examine', 'out_of_memory', 'tile_from_memory']
