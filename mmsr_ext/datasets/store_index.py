"""The index of a packed store: where each image is, in files that are read a row at a time.

``index.npy`` has a row of numbers for each image, and ``names.npy`` the names, one after another. Nothing is
parsed when a store is opened, and nothing is held in memory, whatever the number of images. ``index.json``
says what the store holds; in stores of versions 1 and 2 it has the rows, too.
"""

from __future__ import annotations

import json
import os
import struct
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..tool_names import tool

FORMAT, VERSION = 'mmsr_ext.PackedPairs', 3
WITH_ROWS = (1, 2)  # versions whose head has the rows, as JSON; since 2 it has the kind of pixels, too
HEAD, ROWS, NAMES = 'index.json', 'index.npy', 'names.npy'
HEADER = 128  # bytes of the header that NumPy writes for our arrays, whatever their length
COLUMNS = ('height', 'width', 'gt', 'lq', 'gt_crc', 'lq_crc', 'name', 'name_length')
BLOCK = 2**14  # rows that are checked at a time
_ROW = struct.Struct(f'<{len(COLUMNS)}q')


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


class FlatFile:
    """A NumPy file of known length, read at given offsets, and never mapped into memory.

    Reading a mapped file that somebody shortens kills the process. A process opens the file when it first
    reads, and so does a pickled copy in another process.

    Args:
        path: The file.
        length: Bytes of its data, after the header.

    Raises:
        InputError: If the file is missing or has another length.
    """

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self.seen = self._state()
        self._descriptor: int | None = None
        if self.seen[0] != HEADER + length:
            raise InputError(
                f'{path} has {self.seen[0]:,} bytes; the index says {HEADER + length:,}. It was copied in '
                f'part or changed: copy it again, or remove the store and pack it with {tool("pack")}.'
            )

    def check_unchanged(self) -> None:
        """Check that the file has not changed since it was found.

        Raises:
            InputError: If it has. Reading on would mix two states.
        """
        if self._state() != self.seen:
            raise self._changed()

    def read(self, offset: int, length: int) -> bytes:
        """Read some data; see ``read_into``, which is slower for a few bytes."""
        descriptor = self._open() if self._descriptor is None else self._descriptor
        try:
            data = os.pread(descriptor, length, HEADER + offset)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(data) < length:  # a network file system may give less at a time
            whole = np.empty(length, np.uint8)
            self.read_into(offset, whole)
            data = whole.tobytes()
        return data

    def read_into(self, offset: int, out: np.ndarray) -> None:
        """Fill a contiguous array with the data from an offset on.

        Args:
            offset: Bytes of the data before the first one to read.
            out: The array.

        Raises:
            InputError: If the file has changed or cannot be read.
        """
        descriptor = self._open() if self._descriptor is None else self._descriptor
        rest, offset = out.data.cast('B'), HEADER + offset
        while rest:
            try:
                done = os.preadv(descriptor, [rest], offset)
            except OSError as error:
                raise self._unreadable(error) from error
            if not done:  # the file ends here: it has become shorter
                raise self._changed()
            rest, offset = rest[done:], offset + done

    def _open(self) -> int:
        self.check_unchanged()
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unreadable(error) from error
        weakref.finalize(self, os.close, self._descriptor)
        return self._descriptor

    def _state(self) -> tuple[int, int, int]:
        try:
            state = os.stat(self.path)
        except OSError as error:
            raise self._unreadable(error) from error
        return state.st_size, state.st_mtime_ns, state.st_ino

    def _changed(self) -> InputError:
        return InputError(
            f'{self.path} was changed while it was being read. Do not change a store while a run uses it; '
            f'check it with: {tool("pack")} --verify {self.path.parent}'
        )

    def _unreadable(self, error: OSError) -> InputError:
        return InputError(
            f'{self.path} cannot be read ({error.strerror}). Copy the store again, or remove it and pack it '
            f'with {tool("pack")}.'
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_descriptor': None}


class _Memory:
    """In the place of a file, for the index of a store of version 1 or 2."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def check_unchanged(self) -> None:
        pass

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


class StoreIndex:
    """The index of a store, opened for reading.

    Args:
        folder: Folder of the store.

    Raises:
        InputError: If the store is missing, unfinished, damaged, or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.head = _read_head(folder)
        try:
            if self.head['version'] in WITH_ROWS:
                rows, names = _flat([Entry(*row) for row in self.head.pop('images')])
                self.count, self.name_bytes = len(rows), len(names)
            else:
                self.count, self.name_bytes = int(self.head['images']), int(self.head['names'])
            if self.count < 1:
                raise ValueError(f'{self.count} images')
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise self.damaged(repr(error)) from error
        self.rows: FlatFile | _Memory
        self.names: FlatFile | _Memory
        if self.head['version'] in WITH_ROWS:
            self.rows, self.names = _Memory(rows.tobytes()), _Memory(names)
        else:
            self.rows = FlatFile(folder / ROWS, self.count * _ROW.size)
            self.names = FlatFile(folder / NAMES, self.name_bytes)
        self._last: tuple[int, Entry] | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Entry:
        if self._last is None or self._last[0] != number:
            if not 0 <= number < self.count:
                raise IndexError(f'image {number} of {self.count}')
            *row, name, length = _ROW.unpack(self.rows.read(number * _ROW.size, _ROW.size))
            self._last = number, Entry(self.names.read(name, length).decode(errors='surrogateescape'), *row)
        return self._last[1]

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Read the rows, in blocks of moderate size.

        Yields:
            The number of the first image, and the rows: int64, shape (N, 8), columns ``COLUMNS``.
        """
        for first in range(0, self.count, BLOCK):
            data = self.rows.read(first * _ROW.size, min(BLOCK, self.count - first) * _ROW.size)
            yield first, np.frombuffer(data, '<i8').reshape(-1, len(COLUMNS))

    def damaged(self, what: str) -> InputError:
        """Return the error for an index that contradicts itself."""
        return InputError(
            f'{self.folder / HEAD} is damaged ({what}). Remove the store, and pack it again with '
            f'{tool("pack")}.'
        )


def write_index(folder: Path, head: dict[str, Any], entries: Sequence[Entry]) -> None:
    """Write the index of a store.

    Args:
        folder: Folder of the store.
        head: What the store holds: its scale, and the bytes of its arrays.
        entries: Its images.
    """
    rows, names = _flat(entries)
    for name, array in ((ROWS, rows), (NAMES, np.frombuffer(names, np.uint8))):
        np.save(folder / name, array)
        if (folder / name).stat().st_size != HEADER + array.nbytes:
            raise RuntimeError(f'NumPy wrote another header than expected to {folder / name}.')
    about = dict(format=FORMAT, version=VERSION, **head, images=len(rows), names=len(names), columns=COLUMNS)
    (folder / HEAD).write_text(json.dumps(about) + '\n', encoding='utf-8')


def _flat(entries: Sequence[Entry]) -> tuple[np.ndarray, bytes]:
    """Return the rows, int64, and all names."""
    names = [entry.name.encode(errors='surrogateescape') for entry in entries]
    rows = np.empty((len(entries), len(COLUMNS)), '<i8')
    rows[:, :-2] = np.array([entry[1:] for entry in entries], np.int64).reshape(len(entries), 6)
    rows[:, -1] = [len(name) for name in names]
    rows[:, -2] = np.cumsum(rows[:, -1]) - rows[:, -1]
    return rows, b''.join(names)


def _read_head(folder: Path) -> dict[str, Any]:
    path = folder / HEAD
    if not folder.is_dir():
        unfinished = folder.with_name(f'.{folder.name}.partial').exists()
        state = (
            f'is not finished; repeat the {tool("pack")} command that began it'
            if unfinished
            else 'does not exist'
        )
        raise InputError(f'packed store {folder} {state}.')
    try:
        head = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise InputError(
            f'{folder} is no packed store: it has no {HEAD}. Make one with: {tool("pack")} {folder} STORE'
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f'{path} is damaged ({error}). Remove the store, and pack it again with {tool("pack")}.'
        ) from error
    if not isinstance(head, dict) or head.get('format') != FORMAT:
        raise InputError(f'{path} is not the index of a packed store. Make one with {tool("pack")}.')
    if head.get('version') not in (*WITH_ROWS, VERSION):
        raise InputError(
            f'{folder} is a packed store of version {head.get("version")!r}; this release reads versions 1 '
            f'to {VERSION}. Pack it again with {tool("pack")}.'
        )
    return head
