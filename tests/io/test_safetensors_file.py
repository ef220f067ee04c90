"""Files of safetensors are read as the package safetensors reads them."""

import json
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mmsr_ext.io.safetensors_file import DTYPES, read_metadata, read_safetensors


def test_like_safetensors(tmp_path):
    path = tmp_path / 'a.safetensors'
    tensors = {str(kind): (3 * torch.rand(2, 3, 5)).to(kind) for kind in DTYPES.values()}
    tensors |= {
        'empty': torch.empty(0, 4),
        'scalar': torch.tensor(2.5),
        'odd': torch.ones(3, dtype=torch.bool),
    }
    save_file(tensors, path, {'a': 'ü'})
    found = read_safetensors(path)
    assert found.keys() == load_file(path).keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        assert bytes(found[name].untyped_storage()) == bytes(value.untyped_storage())
    with safe_open(path, 'pt') as file:
        assert read_metadata(path) == file.metadata()


@pytest.mark.parametrize(
    ('offsets', 'message'),
    [
        ([[0, 4], [0, 4]], 'b begins at 0; expected 4'),
        ([[0, 4], [8, 12]], 'b begins at 8; expected 4'),
        ([[4, 8], [8, 12]], 'a begins at 4; expected 0'),
        ([[0, 4], [4, 8]], 'declares 8 bytes of tensors; 12 follow'),
        ([[0, 4], [4, 16]], 'at 4 to 16 of 12'),
        ([[0, 4], [4, True]], 'at 4 to 1 of 12'),
        ([[0, 8], [8, 12]], 'declares 1 numbers at 0 to 8'),
    ],
)
def test_headers_that_the_file_contradicts(tmp_path, offsets, message):
    header = {name: dict(dtype='F32', shape=[1], data_offsets=place) for name, place in zip('ab', offsets)}
    text = json.dumps(header).encode()
    (tmp_path / 'a').write_bytes(struct.pack('<Q', len(text)) + text + bytes(12))
    with pytest.raises(ValueError, match=message):
        read_safetensors(tmp_path / 'a')
