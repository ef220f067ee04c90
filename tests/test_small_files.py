"""A small file takes little memory and time, whatever it declares; measured in copies of this process."""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from support.bounded import GIGABYTE, taken

from mmsr_ext.generators.description import exported_metadata
from mmsr_ext.io.images import image_size, read_image
from mmsr_ext.io.limits import allow_pixels
from mmsr_ext.io.pictures import read_picture
from mmsr_ext.models import SRResNet
from mmsr_ext.upscaling.network import examine, load_network

pytestmark = pytest.mark.forks
EDGE = 60_000
STORAGE = b'(X\x07\x00\x00\x00storagectorch\nfloat32\n'
TENSOR = b'ctorch._utils\n_rebuild_tensor_v2\n('
# memo 40 is a tuple of two tuples of two tuples ... to a depth of 40
DOUBLED = b')q\x00' + b''.join(b'0h%ch%c\x86q%c' % (i, i, i + 1) for i in range(40)) + b'0'
WEIGHTS = SRResNet(mid_channels=4, num_blocks=1, scale=2).state_dict()


@pytest.fixture(autouse=True, scope='module')
def _imported():
    """What the copies would import one after another."""
    import onnxruntime  # noqa: F401
    import spandrel  # noqa: F401

    from mmsr_ext.generators import mmagic_networks  # noqa: F401


def check(case, message):
    result = taken(case)
    assert result.ended.startswith('InputError: '), result
    assert message in result.ended, result
    assert result.memory < GIGABYTE, result
    assert result.seconds < 10, result


def archive(path, content, entries=()):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('a/data.pkl', content, zipfile.ZIP_STORED)
        for name, data in entries:
            file.writestr(name, data)


PICKLES = {
    'a key that is a long or nested tuple': b'\x80\x02' + DOUBLED + b'}h\x28K\x01s.',
    'a storage that is not described': b'\x80\x02' + DOUBLED + STORAGE + b'h\x28NK\x01tQ.',
    'a tensor whose shape': b'\x80\x02'
    + DOUBLED
    + TENSOR
    + STORAGE
    + b'X\x01\x00\x00\x000NK\x01tQK\x00h\x28h\x28tR.',
    'holds no weights of a network': b'\x80\x02' + DOUBLED + b'}X\x05\x00\x00\x00stateh\x28s.',
    'a bytearray or a frozenset': b'\x80\x05\x96' + struct.pack('<Q', 2 * 10**9) + b'.',
}


@pytest.mark.parametrize('message', PICKLES)
@pytest.mark.parametrize('zipped', [True, False])
def test_pickles(tmp_path, message, zipped):
    path = tmp_path / 'net.pth'
    if zipped:
        archive(path, PICKLES[message])
    else:
        magic = b''.join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {}))
        path.write_bytes(magic + PICKLES[message] + pickle.dumps([], 2))
    check(lambda: load_network(path), message)


def test_deflated_archives(tmp_path):
    path = tmp_path / 'net.pth'
    archive(path, pickle.dumps({}), [('a/data/0', bytes(5 * 10**7))])
    check(lambda: load_network(path), 'its entries are 50,000,0')
    path = tmp_path / 'net.pt'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('net/extra/mmsr_ext', bytes(5 * 10**7))
    check(lambda: exported_metadata(path), 'its metadata are 50,000,000 bytes')


def test_tensors_that_their_storage_does_not_explain(tmp_path):
    path = tmp_path / 'net.pth'
    torch.save({'params': {'w': torch.zeros(1).expand(10**6, 10**6)}}, path)
    check(lambda: load_network(path), '4,000,000,000,000 bytes, has 4 in the file')
    torch.save({'w': torch.zeros(0, 10**15)}, path)
    check(lambda: load_network(path), 'recognised')
    shared = torch.zeros(2**18)
    torch.save({str(index): shared.view(2**9, 2**9) for index in range(1000)}, path)
    check(
        lambda: load_network(path),
        'its tensors are 1,048,576,000 bytes, and the file holds 1,048,576 for them',
    )


def test_tied_weights_are_read(tmp_path):
    path = tmp_path / 'net.pth'
    torch.save({'params': WEIGHTS, 'params_ema': WEIGHTS, 'net': WEIGHTS}, path)
    assert load_network(path).scale == 2


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (dict(mid_channels=3000), 'parameters, for '),
        (dict(num_blocks=10**9), 'it has more than 4,000 layers, for 30 weights'),
        (dict(scale=2**40), 'scale=1099511627776 must be'),
    ],
)
def test_metadata_that_the_weights_do_not_explain(tmp_path, changed, message):
    path = tmp_path / 'net.pth'
    arguments = json.dumps(dict(mid_channels=4, num_blocks=1, scale=2) | changed)
    described = dict(mmsr_ext='0.2.0', architecture='SRResNet', arguments=arguments)
    torch.save({'state_dict': WEIGHTS, 'mmsr_ext': described}, path)
    check(lambda: load_network(path), message)
    torch.save({'state_dict': WEIGHTS, 'mmsr_ext': dict(described, arguments='[' * 100_000)}, path)
    check(lambda: load_network(path), 'which is no JSON object')


def test_a_layer_of_a_high_number(tmp_path):
    path = tmp_path / 'net.pth'
    torch.save({key.replace('.0.', '.1000000000.'): value for key, value in WEIGHTS.items()} | WEIGHTS, path)
    check(lambda: load_network(path), 'is of no architecture')


@pytest.mark.parametrize(
    ('header', 'length', 'message'),
    [
        (b'{}', 2**60, 'its header declares 1,152,921,504,606,846,976 bytes'),
        (b'{"w":' + b'[' * 10**6, None, 'is not a checkpoint'),
        (dict(w=dict(dtype='F32', shape=[10**6] * 2, data_offsets=[0, 4])), None, 'declares 1,000,000,'),
        (dict(w=dict(dtype='F32', shape=[9], data_offsets=[0, 4 * 10**12])), None, 'to 4,000,000,000,000'),
        (b' ' * 2**24, None, 'its header declares 16,777,216 bytes'),
    ],
)  # fmt: skip
def test_safetensors(tmp_path, header, length, message):
    path = tmp_path / 'net.safetensors'
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = content if content.startswith(b'{') else b'{' + content[1:]
    path.write_bytes(struct.pack('<Q', length or len(content)) + content + b'abcd')
    check(lambda: load_network(path), message)


@pytest.mark.parametrize('count', [30_000, 300_000])
def test_safetensors_of_very_many_tensors(tmp_path, count):
    path = tmp_path / 'net.safetensors'
    entries = (f'"t{i}":{{"dtype":"U8","shape":[1],"data_offsets":[{i},{i + 1}]}}' for i in range(count))
    header = ('{' + ','.join(entries) + '}').encode()
    path.write_bytes(struct.pack('<Q', len(header)) + header + bytes(count))
    too_long = f'its header declares {len(header):,} bytes'
    check(lambda: load_network(path), too_long if count > 200_000 else 'is of no architecture')


def graph(path, *nodes, **constants):
    onnx = pytest.importorskip('onnx')
    tensors = [onnx.numpy_helper.from_array(np.array(value), name) for name, value in constants.items()]
    image = onnx.helper.make_tensor_value_info('x', 1, ['n', 'c', 'h', 'w'])
    result = onnx.helper.make_tensor_value_info('y', 1, None)
    body = onnx.helper.make_graph(list(nodes), 'g', [image], [result], tensors)
    model = onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid('', 17)], ir_version=8)
    onnx.save(model, path)


@pytest.mark.parametrize('kind', ['ConstantOfShape', 'Expand', 'Tile', 'Range', 'of the input'])
def test_graphs_that_make_large_tensors(tmp_path, kind):
    node = pytest.importorskip('onnx').helper.make_node
    size = np.array([20_000, 20_000])
    first = {
        'ConstantOfShape': [node('ConstantOfShape', ['size'], ['large'])],
        'Expand': [node('Expand', ['one', 'size'], ['large'])],
        'Tile': [node('Tile', ['one', 'size'], ['large'])],
        'Range': [node('Range', ['zero', 'end', 'step'], ['large'])],
        'of the input': [
            node('ReduceMax', ['x'], ['m'], keepdims=0),
            node('Expand', ['m', 'size'], ['large']),
        ],
    }[kind]
    numbers = dict(
        zero=np.float32(0), end=np.float32(5e8), step=np.float32(1), one=np.ones((1, 1), np.float32)
    )
    last = [node('ReduceMax', ['large'], ['top'], keepdims=0), node('Add', ['x', 'top'], ['y'])]
    graph(tmp_path / 'net.onnx', *first, *last, size=size, **numbers)
    check(lambda: examine(load_network(tmp_path / 'net.onnx')), 'bytes of memory for an image of 17 px')


@pytest.mark.slow
def test_a_graph_without_end(tmp_path):
    onnx = pytest.importorskip('onnx')
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [make('Identity', ['c'], ['go']), make('Identity', ['x'], ['out'])]
    body = onnx.helper.make_graph(
        nodes, 'b', [info('i', 7, []), info('c', 9, [])], [info('go', 9, []), info('out', 1, None)]
    )
    graph(
        tmp_path / 'net.onnx',
        make('Loop', ['n', 't'], ['y'], body=body),
        n=np.int64(10**12),
        t=np.bool_(True),
    )
    check(lambda: examine(load_network(tmp_path / 'net.onnx')), 'takes more than 5 s for an image of 17 px')


@pytest.mark.parametrize('name', ['../secret.bin', '/etc/hostname', 'a/../../secret.bin', 'link.bin'])
def test_graphs_whose_weights_are_elsewhere(tmp_path, name):
    onnx = pytest.importorskip('onnx')
    (tmp_path / 'secret.bin').write_bytes(bytes(4))
    (tmp_path / 'net').mkdir()
    (tmp_path / 'net' / 'link.bin').symlink_to('../secret.bin')
    path = tmp_path / 'net' / 'net.onnx'
    graph(path, onnx.helper.make_node('Add', ['x', 'e'], ['y']), e=np.float32(0))
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField('raw_data')
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = 'location', name
    path.write_bytes(model.SerializeToString())
    check(lambda: load_network(path), f'reads its weights from {name!r}, outside its folder')


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(colour, bits):
    header = struct.pack('>IIBBBBB', EDGE, EDGE, bits, colour, 0, 0, 0)
    data = zlib.compress(bytes(10**6))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


def tiff(width, height, bits=8, samples=1):
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 200), (277, 3, samples), (278, 4, height or 1), (279, 4, 64)]
    kept = [tag for tag in tags if tag[2] is not None]
    entries = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, kind, value in kept)
    return struct.pack('<2sHIH', b'II', 42, 8, len(kept)) + entries + bytes(68)


def webp(animated):
    stream = io.BytesIO()
    Image.new('RGB', (4, 4)).save(stream, 'webp', lossless=True)
    body = stream.getvalue()[12:]
    if animated:
        frame = bytes(6) + b'\x03\0\0\x03\0\0\x64\0\0\0' + body
        body = b'ANIM' + struct.pack('<I', 6) + bytes(6) + b'ANMF' + struct.pack('<I', len(frame)) + frame
    edge = struct.pack('<I', EDGE - 1)[:3]
    body = b'VP8X' + struct.pack('<I', 10) + (b'\x12' if animated else b'\x10') + bytes(3) + 2 * edge + body
    return b'RIFF' + struct.pack('<I', 4 + len(body)) + b'WEBP' + body


def gif(screen, frame):
    descriptor = struct.pack('<HHHHB', 0, 0, frame, frame, 0)
    head = b'GIF89a' + struct.pack('<HHBBB', screen, screen, 0x80, 0, 0) + bytes(6)
    return head + b',' + descriptor + b'\x02\x02\x4c\x01\x00;'


def jpeg():
    stream = io.BytesIO()
    Image.new('L', (64, 64)).save(stream, 'jpeg')
    content = bytearray(stream.getvalue())
    place = content.index(b'\xff\xc0') + 5
    content[place : place + 4] = struct.pack('>HH', EDGE, EDGE)
    return bytes(content)


def icon():
    inner = png(2, 8)
    return struct.pack('<HHHBBBBHHII', 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


IMAGES = {
    'rgb.png': png(2, 8),
    'rgb16.png': png(2, 16),
    'grey.png': png(0, 8),
    'one_bit.png': png(0, 1),
    'screen.gif': gif(EDGE, EDGE),
    'frame.gif': gif(10, EDGE),
    'grey.tif': tiff(EDGE, EDGE),
    'grey_alpha16.tif': tiff(EDGE, EDGE, 16, 2),
    'largest.tif': tiff(2**32 - 1, 2**32 - 1),
    'samples.tif': tiff(30_000, 30_000, samples=65535),
    'still.webp': webp(False),
    'moving.webp': webp(True),
    'photo.jpg': jpeg(),
    'icon.ico': icon(),
    'drawing.ppm': b'P6 60000 60000 255\n' + bytes(100),
    'drawing.bmp': b'BM'
    + struct.pack('<IHHIIiiHHIIiiII', 54, 0, 0, 54, 40, EDGE, EDGE, 1, 24, *[0] * 6)
    + bytes(99),
}


@pytest.mark.parametrize('read', [read_picture, read_image])
@pytest.mark.parametrize('name', IMAGES)
def test_images_of_billions_of_pixels(tmp_path, name, read):
    path = tmp_path / name
    path.write_bytes(IMAGES[name])
    deep = read is read_image and name == 'grey_alpha16.tif'
    check(lambda: read(path), 'expected 8-bit RGB' if deep else 'expected at most 1,000,000,000. ')


@pytest.mark.parametrize('size', [(None, None), (5, None), (None, 5), (0, 0)])
@pytest.mark.parametrize('read', [read_picture, read_image])
def test_tiffs_without_dimensions(tmp_path, size, read):
    (tmp_path / 'a.tif').write_bytes(tiff(*size))
    check(lambda: read(tmp_path / 'a.tif'), 'cannot be read as an image')


def test_a_file_for_ghostscript(tmp_path):
    (tmp_path / 'a.png').write_bytes(
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n'
    )
    for read in (read_picture, read_image):
        check(lambda read=read: read(tmp_path / 'a.png'), 'a.png ')


def test_the_limit_is_the_users(tmp_path):
    path, before = tmp_path / 'a.png', Image.MAX_IMAGE_PIXELS
    Image.new('L', (20, 10)).save(path)
    for read in (read_picture, read_image, image_size):
        with allow_pixels(200):
            read(path)
        with allow_pixels(199):
            check(
                lambda read=read: read(path),
                'expected at most 199. If it is what it says, allow it with --max',
            )
    for wrong in (0, -1):
        check(lambda wrong=wrong: allow_pixels(wrong).__enter__(), f"max_pixels='{wrong}' must be a number")
    assert (before, None) == (Image.MAX_IMAGE_PIXELS, os.environ.get('MMSR_EXT_MAX_PIXELS'))


def test_photographs_above_pillows_limit_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 50)  # as if 200 px were many
    Image.new('L', (20, 10)).save(tmp_path / 'a.png')
    for read in (read_picture, read_image):
        assert read_image(tmp_path / 'a.png').shape == (10, 20, 3), read
