"""Where earlier releases had ``read_picture``; its place is ``mmsr_ext.io.pictures``."""

from ..io.pictures import read_picture

__all__ = ['read_picture']
