"""The format of a packed store: flat arrays of pixels, and an index.

A store is a folder with ``gt.npy`` and, for pairs, ``lq.npy``: a one-dimensional array each, in which the
images follow one another, each with shape (C, H, W): RGB or one channel, uint8 or uint16. ``index.json`` has
the version, the scale, the kind of pixels, and for each image its name, size, offsets and checksums. Two open
files serve any number of images of any size, and any NumPy reads them. ``tools/pack_data.py`` writes stores.
"""

from __future__ import annotations

import json
import math
import os
import weakref
import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import InputError

FORMAT, VERSION = 'mmsr_ext.PackedPairs', 1  # of 8-bit RGB, which every release reads
VERSION_OF_PIXELS = 2  # with "channels" and "depth" in the index
INDEX = 'index.json'
HEADER = 128  # bytes of the header that NumPy writes for a flat array of any length


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


class Entry(NamedTuple):
    """Where an image, or a pair, is in a store.

    Args:
        name: File name without suffix, preceded by the parts of a pattern of folders:
            'GOPR0372_07_00/000047'.
        height: Height of GT in pixels.
        width: Width of GT in pixels.
        gt: Offset of GT in its array, in bytes.
        lq: Offset of LQ in its array, in bytes.
        gt_crc: CRC-32 of GT.
        lq_crc: CRC-32 of LQ; 0 if there is none.
    """

    name: str
    height: int
    width: int
    gt: int
    lq: int
    gt_crc: int = 0
    lq_crc: int = 0

    def place(self, part: str, scale: int | None) -> tuple[int, int, int]:
        """Return offset in bytes, height and width of 'gt' or 'lq'."""
        if part == 'gt':
            return self.gt, self.height, self.width
        assert scale is not None  # a store with LQ has one
        return self.lq, self.height // scale, self.width // scale


class Store:
    """A packed store, opened for reading.

    A process opens the files when it first reads an image, and so does a pickled copy in another process.
    They are read, not mapped into memory: reading a mapped file that somebody shortens kills the process.

    Args:
        folder: Folder of the store.

    Raises:
        InputError: If the store is missing, unfinished, damaged, or of another version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        index = _read_index(self.folder)
        try:
            self.scale: int | None = index['scale']
            self.pixels = Pixels(index.get('channels', 3), index.get('depth', 8))
            self.entries = [Entry(*entry) for entry in index['images']]
            self.lengths = {
                part: int(index['bytes'][part]) for part in (('gt', 'lq') if self.scale else ('gt',))
            }
            self._check_entries()
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f'{self.folder / INDEX} is damaged ({error!r}). Remove the store, and pack it again with '
                'tools/pack_data.py.'
            ) from error
        self._seen = {part: self._state(part) for part in self.lengths}
        for part, length in self.lengths.items():
            if self._seen[part][0] != HEADER + length:
                raise InputError(
                    f'{self.file(part)} has {self._seen[part][0]:,} bytes; the index says '
                    f'{HEADER + length:,}. It was copied in part or changed: copy it again, or remove the '
                    'store and pack it with tools/pack_data.py.'
                )
        self._files: dict[str, int] = {}

    def file(self, part: str) -> Path:
        """Return the path of the array of 'gt' or 'lq'."""
        return self.folder / f'{part}.npy'

    def check_unchanged(self) -> None:
        """Check that the files have not changed since the store was opened.

        Raises:
            InputError: If they have. Reading on would mix two states.
        """
        for part, seen in self._seen.items():
            if self._state(part) != seen:
                raise self._changed(part)

    def size(self, part: str, number: int) -> tuple[int, int]:
        """Return height and width in pixels of 'gt' or 'lq' of an image."""
        return self.entries[number].place(part, self.scale)[1:]

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
        if not self._files:
            self._open()
        start, height, width = self.entries[number].place(part, self.scale)
        pixels = np.empty((self.pixels.channels, count, width), self.pixels.dtype)
        parts = [pixels] if count == height else pixels
        for channel, wanted in enumerate(parts):
            values = (channel * height + top) * width
            self._read(part, wanted, HEADER + start + values * self.pixels.dtype.itemsize)
        return pixels

    def _read(self, part: str, out: np.ndarray, offset: int) -> None:
        rest = out.data.cast('B')
        while rest:
            try:
                done = os.preadv(self._files[part], [rest], offset)
            except OSError as error:
                raise self._unreadable(part, error) from error
            if not done:  # the file ends here: it has become shorter
                raise self._changed(part)
            rest, offset = rest[done:], offset + done

    def name(self, number: int) -> str:
        """Return the name of an image."""
        return self.entries[number].name

    def sizes(self) -> np.ndarray:
        """Return height and width of GT in pixels, shape (N, 2), int64."""
        return np.array([entry[1:3] for entry in self.entries], np.int64)

    def is_intact(self, number: int) -> bool:
        """Return whether the pixels of an image match their checksums."""
        entry = self.entries[number]
        return all(
            checksum(self.image(part, number)) == getattr(entry, f'{part}_crc') for part in self.lengths
        )

    def _state(self, part: str) -> tuple[int, int, int]:
        try:
            state = os.stat(self.file(part))
        except OSError as error:
            raise self._unreadable(part, error) from error
        return state.st_size, state.st_mtime_ns, state.st_ino

    def _open(self) -> None:
        self.check_unchanged()
        for part in self.lengths:
            try:
                self._files[part] = os.open(self.file(part), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise self._unreadable(part, error) from error
            weakref.finalize(self, os.close, self._files[part])

    def _changed(self, part: str) -> InputError:
        return InputError(
            f'{self.file(part)} was changed while it was being read. Do not change a store while a run uses '
            f'it; check it with: python tools/pack_data.py --verify {self.folder}'
        )

    def _unreadable(self, part: str, error: OSError) -> InputError:
        return InputError(
            f'{self.file(part)} cannot be read ({error.strerror}). Copy the store again, or remove it and '
            'pack it with tools/pack_data.py.'
        )

    def _check_entries(self) -> None:
        scale = self.scale or 1
        if not isinstance(scale, int) or scale < 1 or not self.entries:
            raise ValueError(f'scale {scale!r}, {len(self.entries)} images')
        if self.pixels.channels not in (1, 3) or self.pixels.depth not in (8, 16):
            raise ValueError(f'{self.pixels.channels} channels of {self.pixels.depth} bits')
        for entry in self.entries:
            if min(entry[1:]) < 0 or entry.height % scale or entry.width % scale:
                raise ValueError(f'image {entry.name!r} of {entry.height}x{entry.width}')
        needed = lengths_of(self.entries, self.scale, self.pixels)
        if any(length > self.lengths[part] for part, length in needed.items()):
            raise ValueError('an image lies beyond the end of its array')

    def __len__(self) -> int:
        return len(self.entries)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_files': {}}


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
    """Write the index of a store, one line per image, and flush the whole store to the disk."""
    kind: dict[str, Any] = {} if pixels == RGB else pixels._asdict()
    version = VERSION_OF_PIXELS if kind else VERSION
    head = json.dumps(
        {'format': FORMAT, 'version': version, 'scale': scale}
        | kind
        | {'bytes': lengths, 'columns': Entry._fields}
    )
    rows = ',\n'.join(map(json.dumps, entries))
    (folder / INDEX).write_text(f'{head[:-1]}, "images": [\n{rows}\n]}}\n', encoding='utf-8')
    for name in [INDEX, *(f'{part}.npy' for part in lengths)]:
        with open(folder / name, 'rb') as file:
            os.fsync(file.fileno())


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    if not folder.is_dir():
        unfinished = folder.with_name(f'.{folder.name}.partial').exists()
        state = (
            'is not finished; repeat the tools/pack_data.py command that began it'
            if unfinished
            else 'does not exist'
        )
        raise InputError(f'packed store {folder} {state}.')
    try:
        index = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise InputError(
            f'{folder} is no packed store: it has no {INDEX}. Make one with: python tools/pack_data.py '
            f'{folder} STORE'
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f'{path} is damaged ({error}). Remove the store, and pack it again with tools/pack_data.py.'
        ) from error
    if not isinstance(index, dict) or index.get('format') != FORMAT:
        raise InputError(f'{path} is not the index of a packed store. Make one with tools/pack_data.py.')
    if index.get('version') not in (VERSION, VERSION_OF_PIXELS):
        raise InputError(
            f'{folder} is a packed store of version {index.get("version")!r}; this release reads versions '
            f'{VERSION} and {VERSION_OF_PIXELS}. Pack it again with tools/pack_data.py.'
        )
    return index
