"""Files of torch.save: what PyTorch reads of them, and what a stranger cannot do with one."""

import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmsr_ext.io.torch_file import Unknown, first_unknown, read_torch_file


def content():
    weight = torch.randn(3, 4)
    return dict(
        weight=weight,
        transposed=weight.t(),
        row=torch.nn.Parameter(weight[1]),
        broadcast=torch.ones(1).expand(5),
        empty=torch.zeros(0, 3),
        scalar=torch.tensor(3),
        half=weight.half(),
        bfloat=weight.bfloat16(),
        eight=weight.to(torch.float8_e4m3fn),
        truth=weight > 0,
        nested=[(1, 2.5, 'text', None, True), {'a': {4, 5}}],
    )


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('protocol', [2, 3, 4])
def test_equals_pytorch(tmp_path, zipped, protocol):
    saved = content()
    if not zipped:
        del saved['eight']  # PyTorch itself does not write it so
    torch.save(saved, tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    found = read_torch_file(tmp_path / 'a.pth')
    assert list(found) == list(saved)
    for name, value in saved.items():
        if isinstance(value, torch.Tensor):
            assert found[name].dtype == value.dtype
            assert found[name].float().equal(value.detach().float())
        else:
            assert found[name] == value
    found['weight'][0, 0] = 7  # tensors that shared memory still do
    assert found['transposed'][0, 0] == 7


def test_what_is_skipped_is_not_read(tmp_path):
    torch.save(dict(state_dict=dict(w=torch.ones(2)), optimizer=dict(m=torch.ones(4))), tmp_path / 'a.pth')
    with zipfile.ZipFile(tmp_path / 'a.pth') as old, zipfile.ZipFile(tmp_path / 'b.pth', 'w') as new:
        for name in old.namelist():
            if not name.endswith('data/1'):
                new.writestr(name, old.read(name))
    assert read_torch_file(tmp_path / 'b.pth', skip=['optimizer'])['state_dict']['w'].equal(torch.ones(2))
    with pytest.raises(KeyError):
        read_torch_file(tmp_path / 'b.pth')


def test_log_histories_are_numbers_and_nothing_of_the_file_is_called(tmp_path):
    history = HistoryBuffer([1.5, 2.5], [1, 2], 10)
    history._statistics_methods = {
        'mean': HistoryBuffer.max
    }  # what a file could replace for the whole process
    saved = dict(history=history, best=np.float32(0.5), count=np.int64(3), array=np.arange(3.0))
    torch.save(saved, tmp_path / 'a.pth')
    before = dict(HistoryBuffer._statistics_methods)
    found = read_torch_file(tmp_path / 'a.pth')
    assert (found['history'].values.tolist(), found['history'].counts.tolist()) == ([1.5, 2.5], [1, 2])
    assert found['history'].length == 10
    assert (found['best'], found['count'], found['array'].tolist()) == (0.5, 3, [0, 1, 2])
    assert HistoryBuffer._statistics_methods == before


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Thing(dict):
    """A class of a stranger's package, with items and attributes."""


def test_other_objects_are_named_and_not_built(tmp_path, monkeypatch):
    thing = Thing(a=1)
    thing.b = torch.ones(1)
    torch.save(dict(weights=torch.ones(1), thing=thing), tmp_path / 'a.pth')
    found = read_torch_file(tmp_path / 'a.pth')
    assert isinstance(found['thing'], Unknown)
    assert first_unknown(found).endswith('test_torch_file.Thing')
    assert first_unknown(read_torch_file(_saved(tmp_path, torch.ones(1)))) is None


@pytest.mark.parametrize(
    'call',
    [
        Calls(exec, "open('pwned', 'w')"),
        Calls(bytearray, 10**12),
        Calls(torch.FloatTensor, 10**12),
        Calls(np.ndarray, (10**12,)),
        Calls(getattr, np.ndarray, 'tofile'),
    ],
)
def test_nothing_is_called(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_torch_file(_saved(tmp_path, call))['held'], Unknown)
    assert not (tmp_path / 'pwned').exists()


def _saved(folder, value):
    torch.save(dict(held=value), folder / 'a.pth')
    return folder / 'a.pth'


def program(folder, code, records=()):
    """Write an archive around a pickle."""
    with zipfile.ZipFile(folder / 'a.pth', 'w') as archive:
        archive.writestr('a/data.pkl', code)
        for name, raw in dict(records).items():
            archive.writestr(f'a/data/{name}', raw)
    return folder / 'a.pth'


def tensor(numel, size, stride, offset=0):
    """A pickle of a tensor that declares what it likes."""

    def number(value):
        raw = value.to_bytes(9, 'little', signed=True)
        return b'\x8a' + bytes([len(raw)]) + raw

    def numbers(values):
        return b'(' + b''.join(map(number, values)) + b't'

    storage = (
        b'(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu'
        + number(numel)
        + b'tQ'
    )
    rebuild = b'ctorch._utils\n_rebuild_tensor_v2\n'
    return (
        b'\x80\x02'
        + rebuild
        + b'('
        + storage
        + number(offset)
        + numbers(size)
        + numbers(stride)
        + b'\x89}tR.'
    )


@pytest.mark.parametrize(
    ('declared', 'message'),
    [
        ((10**9, (10,), (1,)), 'a storage of 1,000,000,000 numbers has 16 bytes'),
        ((4, (10**6, 10**6), (0, 0)), r'4,000,000,000,000 bytes, has 16 in the file'),
        ((4, (5,), (1,)), 'reaches beyond the 16 bytes'),
        ((4, (2, 2), (1000, 1)), 'reaches beyond'),
        ((4, (2,), (1,), 3), 'reaches beyond'),
        ((4, (2,), (-1,), 3), 'strides'),
        ((-4, (2,), (1,)), 'a storage'),
    ],
)
def test_a_tensor_is_no_larger_than_what_is_stored(tmp_path, declared, message):
    with pytest.raises(ValueError, match=message):
        read_torch_file(program(tmp_path, tensor(*declared), {'0': b'\0' * 16}))


def test_a_tensor_that_fits(tmp_path):
    raw = struct.pack('<4f', 1, 2, 3, 4)
    assert read_torch_file(program(tmp_path, tensor(4, (2,), (2,), 1), {'0': raw})).tolist() == [2, 4]


def test_compressed_entries_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / 'bomb.pth'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', tensor(10**7, (10**7,), (1,)))
        archive.writestr('a/data/0', bytes(4 * 10**7))
    assert path.stat().st_size < 10**5
    with pytest.raises(ValueError, match=r'its entries are 40,000,\d+ bytes, more than'):
        read_torch_file(path)


@pytest.mark.parametrize(
    'code',
    [
        b'\x80\x02r\xff\xff\xff\x7f.',  # a memo of 2**31 places, of which nothing is in the file
        b'\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.',  # a frame of 2**63 bytes
        b'\x80\x02X\xff\xff\xff\x7f.',  # a text of 2 GB
        b'\x80\x02ccollections\nOrderedDict\n}X\x01\x00\x00\x00aK\x01sb.',  # attributes for a class
        b'',
        b'\x80\x02.',
    ],
)
def test_odd_pickles(tmp_path, code):
    from collections import OrderedDict

    before = dict(vars(OrderedDict))
    try:
        found = read_torch_file(program(tmp_path, code))
    except (EOFError, IndexError, LookupError, ValueError, pickle.UnpicklingError):
        found = None
    assert found is None or found is OrderedDict
    assert dict(vars(OrderedDict)) == before
