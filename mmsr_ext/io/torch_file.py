"""Read files of ``torch.save`` without calling or building anything that the file names.

``torch.load(weights_only=True)`` still calls the functions on its allow-list with arguments from the file,
and allocates as much as the file asks for. Here a file can name tensors, containers and numbers; all else
becomes an ``Unknown``, and no tensor is larger than the bytes that the file holds for it.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import re
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

MAGIC = 0x1950A86A20F9469CFC6C  # first number of a file in the format before PyTorch 1.6
DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
STORAGES = {
    'DoubleStorage': torch.float64,
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'ShortStorage': torch.int16,
    'CharStorage': torch.int8,
    'ByteStorage': torch.uint8,
    'BoolStorage': torch.bool,
    'UntypedStorage': torch.uint8,
}
NUMBERS = {'f4': 'f', 'f8': 'd', 'i4': 'i', 'i8': 'q', 'u1': 'B', 'b1': '?'}  # code of NumPy: code of struct
EXPANDED = 2**20  # bytes by which a tensor may be larger than its storage, as a broadcast scalar is
SHARED = 4  # how many times all tensors together may be as large as all storages, beside ...
SHARED_BYTES = (
    2**28
)  # ... so many bytes; views of one storage share it in the file, and not once they are copied
MOST_DIMENSIONS = 64
LONGEST_KEY = 100  # items of a tuple that is a key


class Skipped:
    """Stand in for an object whose class a file may not name.

    Args:
        *args: Arguments in the file; ignored.
    """

    name = 'an object'

    def __init__(self, *args: Any) -> None:
        pass

    def take(self, state: Any) -> None:
        """Ignore the state that the file gives the object."""

    def append(self, item: Any) -> None:
        """Ignore an item."""

    def extend(self, items: Iterable[Any]) -> None:
        """Ignore items."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f'<{self.name}, which was not read>'


class Array(Skipped):
    """A one-dimensional NumPy array of numbers, kept as bytes."""

    name = 'a NumPy array'
    kind: str = ''
    raw: bytes = b''

    def take(self, state: Any) -> None:
        """Keep the bytes of a one-dimensional array of numbers.

        Raises:
            ValueError: For any other state.
        """
        _, shape, dtype, _, raw = state
        self.kind, self.raw = _kind_of(dtype), raw
        size = struct.calcsize(f'<{NUMBERS[self.kind]}')
        if (
            not isinstance(raw, bytes)
            or not isinstance(shape, tuple)
            or len(shape) > 1
            or len(raw) != math.prod(shape) * size
        ):
            raise ValueError('an array that is not a list of numbers')

    def tolist(self) -> list[float | int]:
        """Return the numbers."""
        code = NUMBERS[self.kind]
        return list(struct.unpack(f'<{len(self.raw) // struct.calcsize("<" + code)}{code}', self.raw))


class DType(Skipped):
    """A NumPy dtype by its name."""

    name = 'a NumPy dtype'

    def __init__(self, kind: str, *args: Any) -> None:
        self.kind = kind

    def take(self, state: Any) -> None:
        """Check the byte order.

        Raises:
            ValueError: For numbers of another processor's order.
        """
        if state[1] not in ('<', '|', '='):
            raise ValueError(f'numbers of byte order {_brief(state[1])}')


class History(Skipped):
    """MMEngine's HistoryBuffer: its values and their counts, each as an ``Array``."""

    name = 'a log history'

    def take(self, state: Any) -> None:
        """Keep the two lists; ignore the statistics methods that the file registers."""
        self.values, self.counts, self.length = (
            state['_log_history'],
            state['_count_history'],
            state.get('max_length'),
        )


class Row(tuple):
    """A tuple in a file; as a key it may not be long, nor hold another, whose hash is computed each time."""

    def __hash__(self) -> int:
        if len(self) > LONGEST_KEY or any(isinstance(item, tuple) for item in self):
            raise ValueError('a key that is a long or nested tuple')
        return super().__hash__()


class Unknown(Skipped):
    """An object of a class that a file may not name; ``name`` says which."""

    is_network = False

    def take(self, state: Any) -> None:
        """Note whether the state is that of a module of PyTorch."""
        self.is_network = isinstance(state, dict) and '_modules' in state


def is_network(value: Any) -> bool:
    """Whether a value in a file's content is a whole network, which is not read."""
    return isinstance(value, Unknown) and value.is_network


class _Storage:
    """Where the bytes of a tensor are: a record of the archive, or a numbered storage of an older file."""

    def __init__(self, key: str, dtype: torch.dtype, numel: int) -> None:
        self.key, self.dtype, self.numel = key, dtype, numel


class _Tensor:
    """A tensor that has not been read."""

    def __init__(self, storage: _Storage, dtype: torch.dtype, offset: int, size: Any, stride: Any) -> None:
        self.storage, self.dtype = storage, dtype
        self.offset, self.size, self.stride = offset, tuple(size), tuple(stride)
        numbers = (offset, *self.size, *self.stride)
        if not len(self.size) == len(self.stride) <= MOST_DIMENSIONS:
            raise ValueError(f'a tensor of {len(self.size)} dimensions and {len(self.stride)} strides')
        if any(type(n) is not int or not 0 <= n < 2**63 for n in numbers):
            raise ValueError('a tensor whose shape, strides or offset are no numbers that a tensor can have')


def _load_row(length: int, unpickler: Any) -> None:
    unpickler.stack[-length:] = [Row(unpickler.stack[-length:])]


class _Unpickler(pickle._Unpickler):  # in Python: the one in C allocates by numbers in the file
    """An unpickler that calls only the functions, and gives state only to the objects, of this module."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: Any, **options: Any) -> None:
        super().__init__(file, **options)
        self.dtypes: dict[str, torch.dtype] = {}  # of the storages that the file names

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a class or function that the file names."""
        full = f'{"builtins" if module == "__builtin__" else module}.{name}'
        if full in GLOBALS:
            return GLOBALS[full]
        if module in ('torch', 'torch.storage') and name in STORAGES:
            return STORAGES[name]
        if full in DTYPES:
            return DTYPES[full]
        if module in ('torch', 'torch.storage') and re.fullmatch(r'QU?Int\w+Storage', name):
            raise ValueError('quantised tensors')
        return type('Unknown', (Unknown,), dict(name=full))

    def persistent_load(self, pid: Any) -> Any:
        """Return where the bytes of a tensor are, without reading them; or the class of a module."""
        if pid[0] == 'module' and isinstance(pid[1], type):  # in a file before PyTorch 1.6, with its source
            return pid[1]
        kind, dtype, key, _, numel, *view = pid
        if (
            kind != 'storage'
            or not isinstance(dtype, torch.dtype)
            or not isinstance(key, (str, int))
            or type(numel) is not int
            or numel < 0
            or any(view)
        ):
            raise ValueError('a storage that is not described as torch.save does')
        self.dtypes.setdefault(str(key), dtype)
        return _Storage(str(key), dtype, numel)

    def load_build(self) -> None:
        """Give an object its state."""
        state = self.stack.pop()  # type: ignore[attr-defined]
        inst = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(inst, Skipped):
            inst.take(state)

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]

    def load_row(self) -> None:
        """Make a tuple of the items after the mark."""
        items = self.pop_mark()  # type: ignore[attr-defined]  # changes what append is
        self.append(Row(items))  # type: ignore[attr-defined]

    dispatch[pickle.TUPLE[0]] = load_row  # type: ignore[assignment]

    for length, opcode in enumerate((pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3), 1):
        dispatch[opcode[0]] = partial(_load_row, length)

    def refuse(self) -> None:
        """Refuse what torch.save does not write, and what takes memory or time by a number in the file."""
        raise ValueError('a bytearray or a frozenset')

    for opcode in (pickle.BYTEARRAY8, pickle.FROZENSET):
        dispatch[opcode[0]] = refuse  # type: ignore[assignment]


def read_torch_file(path: str | Path, skip: Iterable[str] = ()) -> Any:
    """Read a file of ``torch.save`` onto the CPU.

    >>> torch.save({'state_dict': {'weight': torch.ones(2)}}, 'net.pth')
    >>> read_torch_file('net.pth')
    {'state_dict': {'weight': tensor([1., 1.])}}

    Args:
        path: A file in either of PyTorch's formats.
        skip: Keys of the outermost dict whose tensors stay unread.

    Returns:
        The file's content: dicts, lists, numbers, strings and tensors, an ``Unknown`` for everything else,
        and a ``Skipped`` for every value of a key in ``skip``.

    Raises:
        ValueError: If the file is damaged, is not a file of ``torch.save``, or declares more than it holds.
            A damaged file may also raise other exceptions.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive, os.path.getsize(path), frozenset(skip))
    with open(path, 'rb') as file:
        return _read_older(file, frozenset(skip))


def first_unknown(content: Any) -> str | None:
    """Return the name of an ``Unknown`` in a file's content; None if there is none."""
    found: list[str] = []
    _each(content, Unknown, lambda value: found.append(value.name))
    return found[0] if found else None


def _read_archive(archive: zipfile.ZipFile, size: int, skip: frozenset[str]) -> Any:
    entries = {entry.filename: entry for entry in archive.infolist()}
    name = next((name for name in entries if name.endswith('data.pkl')), None)
    if name is None:
        raise ValueError('a zip archive, but not of torch.save')
    folder = name.removesuffix('data.pkl')
    if f'{folder}constants.pkl' in entries:
        raise ValueError('a TorchScript program, which may run code')
    declared = sum(entry.file_size for entry in entries.values())
    if declared > size:
        raise ValueError(f'its entries are {declared:,} bytes, more than the {size:,} of the file')
    if f'{folder}byteorder' in entries and archive.read(f'{folder}byteorder') != b'little':
        raise ValueError('numbers of another byte order')

    def read(storage: _Storage) -> bytearray:
        return bytearray(archive.read(f'{folder}data/{storage.key}'))  # checks the CRC-32

    content = _Unpickler(io.BytesIO(archive.read(name)), encoding='utf-8').load()
    return _materialise(content, read, skip)


def _read_older(file: BinaryIO, skip: frozenset[str]) -> Any:
    if file.read(1) != pickle.PROTO:
        raise ValueError('not a file of torch.save')
    file.seek(0)
    if _Unpickler(file).load() != MAGIC:
        raise ValueError('not a file of torch.save')
    for _ in range(2):  # protocol version and system information
        _Unpickler(file).load()
    unpickler = _Unpickler(file, encoding='utf-8')
    content, dtypes = unpickler.load(), unpickler.dtypes
    keys = _Unpickler(file).load()
    stored: dict[str, bytearray] = {}
    for key in keys:
        if not isinstance(key, (str, int)):
            raise ValueError(f'a storage whose key is a {type(key).__name__}')
        (numel,) = struct.unpack('<q', _exactly(file, 8))
        itemsize = dtypes.get(str(key), torch.uint8).itemsize
        stored[str(key)] = bytearray(_exactly(file, numel * itemsize))
    return _materialise(content, lambda storage: stored[storage.key], skip)


def _exactly(file: BinaryIO, count: int) -> bytes:
    left = os.fstat(file.fileno()).st_size - file.tell()
    if not 0 <= count <= left:
        raise ValueError(f'it ends early: {count:,} bytes are declared, {left:,} are left')
    return file.read(count)


def _each(content: Any, kind: type, use: Callable[[Any], object]) -> None:
    """Call a function on every object of a class in nested containers."""
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        if isinstance(value, kind):
            use(value)
        elif isinstance(value, (dict, list, tuple)):
            seen.add(id(value))
            waiting += list(value.values()) if isinstance(value, dict) else value


def _materialise(content: Any, read: Callable[[_Storage], bytearray], skip: frozenset[str]) -> Any:
    """Build all tensors that are not skipped; those that share a storage in the file still share it."""
    storages: dict[str, torch.UntypedStorage] = {}
    done: dict[int, Any] = {}

    def build(value: Any) -> Any:
        if isinstance(value, _Tensor):
            if id(value) not in done:
                done[id(value)] = _build(value, storages, read)
            return done[id(value)]
        if not isinstance(value, (dict, list, tuple)):
            return value
        if id(value) in done:  # also a container that holds itself
            return done[id(value)]
        if isinstance(value, dict):
            result: Any = type(value)() if type(value) in (dict, OrderedDict, Counter) else {}
            done[id(value)] = result
            for key, item in value.items():
                result[key] = Skipped() if value is content and key in skip else build(item)
            return result
        if isinstance(value, list):
            result = done[id(value)] = []
            result.extend(build(item) for item in value)
            return result
        done[id(value)] = tuple(build(item) for item in value)
        return done[id(value)]

    result = build(content)
    held = sum(storage.nbytes() for storage in storages.values())
    declared = sum(value.nbytes for value in done.values() if isinstance(value, Tensor))
    if declared > SHARED * held + SHARED_BYTES:
        raise ValueError(f'its tensors are {declared:,} bytes, and the file holds {held:,} for them')
    return result


def _build(
    tensor: _Tensor, storages: dict[str, torch.UntypedStorage], read: Callable[[_Storage], bytearray]
) -> Tensor:
    key = tensor.storage.key
    if key not in storages:
        raw = read(tensor.storage)
        if len(raw) < tensor.storage.numel * tensor.storage.dtype.itemsize:
            raise ValueError(f'a storage of {tensor.storage.numel:,} numbers has {len(raw):,} bytes')
        storages[key] = (
            torch.frombuffer(raw, dtype=torch.uint8).untyped_storage() if raw else torch.UntypedStorage(0)
        )
    held, itemsize = storages[key].nbytes(), tensor.dtype.itemsize
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride))
    count = math.prod(tensor.size)
    if count and (last + 1) * itemsize > held:
        raise ValueError(
            f'a tensor of shape {tensor.size} reaches beyond the {held:,} bytes that are stored for it'
        )
    if count * itemsize > held + EXPANDED:
        raise ValueError(
            f'a tensor of shape {tensor.size}, {count * itemsize:,} bytes, has {held:,} in the file'
        )
    return torch.empty(0, dtype=tensor.dtype).set_(storages[key], tensor.offset, tensor.size, tensor.stride)


def _tensor(storage: _Storage, offset: int, size: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, storage.dtype, offset, size, stride)


def _tensor_of_dtype(
    storage: _Storage, offset: int, size: Any, stride: Any, _: Any, __: Any, dtype: torch.dtype, *___: Any
) -> _Tensor:
    return _Tensor(storage, dtype, offset, size, stride)


def _bytes(text: str, encoding: str = 'latin1') -> bytes:
    if encoding != 'latin1':
        raise ValueError(f'bytes encoded as {_brief(encoding)}')
    return text.encode('latin1')


def _number(dtype: DType, raw: bytes) -> float | int | bool:
    (value,) = struct.unpack(f'<{NUMBERS[_kind_of(dtype)]}', raw)
    return value


def _kind_of(dtype: Any) -> str:
    if not isinstance(dtype, DType) or not isinstance(dtype.kind, str) or dtype.kind not in NUMBERS:
        raise ValueError(f'numbers of type {_brief(getattr(dtype, "kind", dtype))}')
    return dtype.kind


def _brief(value: Any) -> str:
    """Describe a value of a file; never a container as a whole, which may hold itself many times over."""
    return repr(value[:80]) if isinstance(value, (str, bytes)) else type(value).__name__


def _array(*_: Any) -> Array:
    return Array()


# the classes and functions that a file may name, and their stand-ins
GLOBALS: dict[str, Any] = {
    'collections.OrderedDict': OrderedDict,
    'collections.Counter': Counter,
    'builtins.set': set,
    '_codecs.encode': _bytes,
    'torch._utils._rebuild_tensor': _tensor,
    'torch._utils._rebuild_tensor_v2': _tensor,
    'torch._utils._rebuild_tensor_v3': _tensor_of_dtype,
    'torch._utils._rebuild_parameter': lambda tensor, *_: tensor,
    'torch._utils._rebuild_parameter_with_state': lambda tensor, *_: tensor,
    'torch.Size': lambda size=(): Row(size),
    'numpy.dtype': DType,
    'mmengine.logging.history_buffer.HistoryBuffer': History,
    **{f'numpy.{core}.multiarray._reconstruct': _array for core in ('core', '_core')},
    **{f'numpy.{core}.multiarray.scalar': _number for core in ('core', '_core')},
}
