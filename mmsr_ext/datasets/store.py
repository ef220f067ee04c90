"""The format of a packed store: flat arrays of pixels, read at the places that an index names.

A store is a folder with ``gt.npy`` and, for pairs, ``lq.npy``: a one-dimensional array each, in which the
images follow one another, each with shape (C, H, W): RGB or one channel, uint8 or uint16. The index has for
each image its name, size, offsets and checksums, see ``store_index``. A few open files serve any number of
images of any size, and any NumPy reads them. ``tools/pack_data.py`` writes stores.
"""

from __future__ import annotations

import math
import os
import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import InputError
from . import store_index
from .store_index import HEADER, Entry, FlatFile, StoreIndex

LARGEST = 2**24  # pixels of an edge; no image file has more


class Pixels(NamedTuple):
    """The kind of the pixels in a store.

    Args:
        channels: 3 for RGB, 1 for grey or Y.
        depth: Bits of a value, 8 or 16.
    """

    channels: Literal[1, 3] = 3
    depth: Literal[8, 16] = 8

    @property
    def dtype(self) -> np.dtype:
        """Return the type of a value."""
        return np.dtype(np.uint8 if self.depth == 8 else '<u2')

    @property
    def size(self) -> int:
        """Return the bytes of a pixel."""
        return self.channels * self.dtype.itemsize

    def __str__(self) -> str:
        return f'{self.depth}-bit {"RGB" if self.channels == 3 else "grey"}'


RGB = Pixels()


class Store:
    """A packed store, opened for reading.

    Args:
        folder: Folder of the store.

    Raises:
        InputError: If the store is missing, unfinished, damaged, or of another version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.index = StoreIndex(self.folder)
        try:
            head = self.index.head
            self.scale: int | None = head['scale']
            self.pixels = Pixels(head.get('channels', 3), head.get('depth', 8))
            parts = ('gt', 'lq') if self.scale else ('gt',)
            self.lengths = {part: int(head['bytes'][part]) for part in parts}
            self.smallest = self._check_index()
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise self.index.damaged(repr(error)) from error
        self.files = {
            part: FlatFile(self.folder / f'{part}.npy', length) for part, length in self.lengths.items()
        }

    def check_unchanged(self) -> None:
        """Check that the files have not changed since the store was opened.

        Raises:
            InputError: If they have. Reading on would mix two states.
        """
        for file in (*self.files.values(), self.index.rows, self.index.names):
            file.check_unchanged()

    def size(self, part: str, number: int) -> tuple[int, int]:
        """Return height and width in pixels of 'gt' or 'lq' of an image."""
        return self.index[number].place(part, self.scale)[1:]

    def image(self, part: str, number: int) -> np.ndarray:
        """Read an image.

        Args:
            part: 'gt' or 'lq'.
            number: Index of the image.

        Returns:
            Shape (C, H, W), uint8 or uint16; see ``pixels``.

        Raises:
            InputError: If the file has changed or cannot be read.
        """
        return self.rows(part, number, 0, self.size(part, number)[0])

    def rows(self, part: str, number: int, top: int, count: int) -> np.ndarray:
        """Read neighbouring rows of an image.

        Args:
            part: 'gt' or 'lq'.
            number: Index of the image.
            top: The first row.
            count: How many.

        Returns:
            Shape (C, count, W), uint8 or uint16; see ``pixels``.

        Raises:
            InputError: If the file has changed or cannot be read.
        """
        start, height, width = self.index[number].place(part, self.scale)
        pixels = np.empty((self.pixels.channels, count, width), self.pixels.dtype)
        parts = [pixels] if count == height else pixels
        for channel, wanted in enumerate(parts):
            values = (channel * height + top) * width
            self.files[part].read_into(start + values * self.pixels.dtype.itemsize, wanted)
        return pixels

    def name(self, number: int) -> str:
        """Return the name of an image."""
        return self.index[number].name

    def sizes(self) -> np.ndarray:
        """Return height and width of GT in pixels, shape (N, 2), int32."""
        return np.concatenate([rows[:, :2].astype(np.int32) for _, rows in self.index.blocks()])

    def is_intact(self, number: int) -> bool:
        """Return whether the pixels of an image match their checksums."""
        entry = self.index[number]
        return all(
            checksum(self.image(part, number)) == getattr(entry, f'{part}_crc') for part in self.lengths
        )

    def _check_index(self) -> int:
        """Check that all images are within their arrays; return the number of one with the shortest edge."""
        scale = self.scale or 1
        if not isinstance(scale, int) or scale < 1:
            raise ValueError(f'scale {scale!r}')
        if self.pixels.channels not in (1, 3) or self.pixels.depth not in (8, 16):
            raise ValueError(f'{self.pixels.channels} channels of {self.pixels.depth} bits')
        smallest, edge = 0, None
        for first, rows in self.index.blocks():
            columns = np.ascontiguousarray(rows.T)
            height, width, gt, lq, _, _, name, name_length = columns
            edges = np.minimum(height, width)
            bad = (columns.min(0) < 0) | (columns.max(0) > 2**60) | (np.maximum(height, width) > LARGEST)
            bad |= ((height.astype(np.uint32) % scale) | (width.astype(np.uint32) % scale)) > 0
            if bad.any():
                number = int(bad.argmax())
                raise ValueError(f'image {first + number} of {height[number]}x{width[number]}')
            size = self.pixels.size * height * width
            ends = {'gt': gt + size, 'lq': lq + size // scale**2}
            if any(ends[part].max() > length for part, length in self.lengths.items()):
                raise ValueError('an image lies beyond the end of its array')
            if (name + name_length).max() > self.index.name_bytes:
                raise ValueError('a name lies beyond the end of the names')
            if edge is None or edges.min() < edge:
                edge, smallest = edges.min(), first + int(edges.argmin())
        return smallest

    def __len__(self) -> int:
        return len(self.index)


def checksum(image: np.ndarray) -> int:
    """Return the CRC-32 of a contiguous array."""
    return zlib.crc32(image.data)


def write_header(path: Path, length: int, pixels: Pixels = RGB) -> None:
    """Make ``path`` a NumPy file of ``length`` bytes of pixels, and keep the pixels that it already has."""
    head = dict(
        descr=np.lib.format.dtype_to_descr(pixels.dtype),
        fortran_order=False,
        shape=(length // pixels.dtype.itemsize,),
    )
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), 'r+b') as file:
        np.lib.format.write_array_header_1_0(file, head)
        if file.tell() != HEADER:
            raise RuntimeError(f'NumPy wrote a header of {file.tell()} bytes.')
        file.truncate(HEADER + length)


def write_pixels(folder: Path, part: str, entry: Entry, image: np.ndarray) -> None:
    """Write a contiguous array, shape (C, H, W), at its offset in a file that has a header."""
    with open(folder / f'{part}.npy', 'r+b') as file:
        file.seek(HEADER + getattr(entry, part))
        file.write(image.data.cast('B'))


def read_pixels(folder: Path, part: str, entry: Entry, scale: int | None, pixels: Pixels = RGB) -> np.ndarray:
    """Read the pixels at an image's offset, shape (C, H, W)."""
    start, height, width = entry.place(part, scale)
    shape = pixels.channels, height, width
    values = np.fromfile(folder / f'{part}.npy', pixels.dtype, math.prod(shape), offset=HEADER + start)
    return values.reshape(shape)


def lengths_of(entries: list[Entry], scale: int | None, pixels: Pixels = RGB) -> dict[str, int]:
    """Return the bytes that each array needs to hold the images."""
    lengths = {}
    for part in ('gt', 'lq') if scale else ('gt',):
        places = [entry.place(part, scale) for entry in entries]
        lengths[part] = max(
            (start + pixels.size * height * width for start, height, width in places), default=0
        )
    return lengths


def write_index(
    folder: Path, scale: int | None, lengths: dict[str, int], entries: list[Entry], pixels: Pixels = RGB
) -> None:
    """Write the index of a store, and flush the whole store to the disk."""
    head: dict[str, Any] = dict(scale=scale, **pixels._asdict(), bytes=lengths)
    store_index.write_index(folder, head, entries)
    for path in folder.iterdir():
        with open(path, 'rb') as file:
            os.fsync(file.fileno())
