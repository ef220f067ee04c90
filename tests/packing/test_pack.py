"""Packing, and what becomes of it when something goes wrong."""

import os
import runpy
import signal
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.apis import make_pairs, pack_images, verify_store
from mmsr_ext.datasets import PackedPairs
from mmsr_ext.datasets.store import Store
from mmsr_ext.functional import imresize
from mmsr_ext.packing import pack
from mmsr_ext.packing.unfinished import Unfinished


def save(path, shape, seed=0, value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (
        np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
        if value is None
        else np.full(shape, value, np.uint8)
    )
    Image.fromarray(pixels).save(path)
    return torch.from_numpy(pixels)


@pytest.fixture
def photos(tmp_path):
    for index, shape in enumerate([(41, 50, 3), (16, 24), (32, 32, 3)]):
        save(tmp_path / 'my photos' / f'Фото {index}.png', shape, index)
    return tmp_path / 'my photos'


def content(store):
    return {path.name: path.read_bytes() for path in store.iterdir()}


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_content(photos, tmp_path, scale, workers):
    packed = pack_images(photos, tmp_path / 'a' / 'store', scale, workers=workers)
    assert sorted(path.name for path in (tmp_path / 'a').rglob('*')) == [
        'gt.npy',
        'index.json',
        'index.npy',
        'lq.npy',
        'names.npy',
        'store',
    ]
    data = PackedPairs(str(tmp_path / 'a/store'), scale)
    total = cropped = 0
    for index, path in enumerate(sorted(photos.iterdir())):
        gt = torch.from_numpy(np.array(Image.open(path).convert('RGB'))).permute(2, 0, 1)
        cropped += any(size % scale for size in gt.shape[1:])
        gt = gt[:, : gt.shape[1] // scale * scale, : gt.shape[2] // scale * scale]
        lq = imresize(gt, 1 / scale)
        assert torch.equal(data[index]['gt'], gt)
        assert torch.equal(data[index]['lq'], lq)
        assert data[index]['key'] == path.stem
        total += gt.numel() + lq.numel()
    assert packed == (3, total, cropped, 0, 0)
    assert (
        np.load(tmp_path / 'a/store/gt.npy', mmap_mode='r').size + np.load(tmp_path / 'a/store/lq.npy').size
        == total
    )
    assert verify_store(tmp_path / 'a/store', workers) == 3


def test_given_pairs(tmp_path):
    """Nested folders and names as GoPro's and DIV2K's are; the scale is that of the files."""
    gt = {
        (s, f): save(tmp_path / f'GT/{s}/sharp/{f}.png', (16, 24, 3), value=10 * s + f)
        for s in range(2)
        for f in range(2)
    }
    lq = {(s, f): save(tmp_path / f'GT/{s}/blur/{f}x4.png', (4, 6, 3), value=100 + 10 * s + f) for s, f in gt}
    packed = pack_images(
        tmp_path / 'GT/*/sharp',
        tmp_path / 'store',
        lq_folder=tmp_path / 'GT/*/blur',
        lq_name='{}x4',
        workers=0,
    )
    assert packed == (4, 4 * 3 * (16 * 24 + 4 * 6), 0, 0, 0)
    data = PackedPairs(str(tmp_path / 'store'), 4)
    assert [sample['key'] for sample in data] == ['0/0', '0/1', '1/0', '1/1']
    for sample, place in zip(data, gt):
        assert torch.equal(sample['gt'], gt[place].permute(2, 0, 1))
        assert torch.equal(sample['lq'], lq[place].permute(2, 0, 1))
    same = pack_images(tmp_path / 'GT/*/sharp', tmp_path / 'x1', lq_folder=tmp_path / 'GT/*/sharp', workers=0)
    assert (same.images, PackedPairs(str(tmp_path / 'x1'), 1).stores.scale) == (4, 1)


def test_nothing_is_overwritten(photos, tmp_path):
    for name in ('file', 'folder', 'link'):
        {
            'file': lambda path: path.write_text('x'),
            'folder': lambda path: path.mkdir(),
            'link': lambda path: path.symlink_to('nowhere'),
        }[name](tmp_path / name)
        with pytest.raises(InputError, match=rf'{name} exists already\. Remove it'):
            pack_images(photos, tmp_path / name, 4, workers=0)
    assert (tmp_path / 'file').read_text() == 'x'
    assert not list(tmp_path.glob('.*'))


def in_a_child(work):
    """Start a process; its status is 0 if it gets through."""
    child = os.fork()
    if not child:
        status = 1
        try:
            torch.set_num_threads(1)  # the threads of this process are not in that one
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def pack_slowly(photos, store, workers):
    one = pack._pack_one
    pack._pack_one = lambda *arguments: (time.sleep(0.05), one(*arguments))[1]
    pack_images(photos, store, 4, workers=workers)


def test_killed_at_any_point_it_goes_on_to_the_same_store(tmp_path):
    """Real processes, each killed a little later than the one before, with orphaned workers beside it."""
    for index in range(40):
        save(tmp_path / 'photos' / f'{index}.png', (160 + index, 200, 3), index)
    pack_images(tmp_path / 'photos', tmp_path / 'whole', 4, workers=0)
    store, journal = tmp_path / 'store', tmp_path / '.store.partial/journal'
    counts = []
    for wanted, workers in [(5, 2), (20, 0)]:
        child = in_a_child(lambda workers=workers: pack_slowly(tmp_path / 'photos', store, workers))
        deadline = time.time() + 120
        while (not journal.exists() or journal.read_text().count(']]') < wanted) and time.time() < deadline:
            assert os.waitpid(child, os.WNOHANG) == (0, 0)
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        counts.append(journal.read_text().count(']]'))
        assert not store.exists()
        with pytest.raises(InputError, match=r'store is not finished; repeat the python tools/pack_data\.py'):
            PackedPairs(str(store))
        with journal.open('a') as file:
            file.write('["half a li')  # what a process leaves that is killed while it writes
    assert 5 <= counts[0] < 20 <= counts[1] < 40
    (tmp_path / '.store.partial/store/gt.npy').open('r+b').write(
        b'x' * 3000
    )  # what a power failure may leave of images that are noted
    pack_images(tmp_path / 'photos', store, 4, workers=2)
    assert content(store) == content(tmp_path / 'whole')
    assert not list(tmp_path.glob('.*'))


def test_what_is_in_place_is_not_packed_again(photos, tmp_path, monkeypatch):
    (photos / 'z.png').write_bytes(b'no image')
    with pytest.raises(InputError, match=r'1 of 4 images cannot be packed'):
        pack_images(photos, tmp_path / 'store', 4, workers=0)
    (photos / 'z.png').unlink()
    save(photos / 'Фото 1.png', (16, 24), 9)  # another image of the same size
    read, names = pack.read_image, []
    monkeypatch.setattr(pack, 'read_image', lambda path, *_: (names.append(path.stem), read(path))[1])
    pack_images(photos, tmp_path / 'store', 4, workers=0)
    assert names == ['Фото 1']
    pack_images(photos, tmp_path / 'anew', 4, workers=0)
    assert content(tmp_path / 'store') == content(tmp_path / 'anew')


def test_bad_images_are_all_named(photos, tmp_path):
    """Those of which the header tells, and those that are found while packing; nothing is left that looks
    like a store."""
    whole = sorted(photos.iterdir())[0].read_bytes()
    (photos / 'a garbage.png').write_bytes(b'no image')
    (photos / 'b truncated.png').write_bytes(whole[:-2000])
    save(photos / 'c small.png', (3, 40, 3))
    Image.fromarray(np.zeros((16, 16), np.uint16)).save(photos / 'd deep.png')
    Image.new('RGBA', (16, 16), (1, 2, 3, 4)).save(photos / 'e clear.png')
    Image.new('CMYK', (16, 16)).save(photos / 'f print.tif')
    frames = [Image.new('RGB', (16, 16), colour) for colour in ('red', 'blue')]
    frames[0].save(photos / 'g moving.webp', save_all=True, append_images=frames[1:])
    (photos / 'h loop.png').symlink_to('h loop.png')
    (photos / 'i gone.png').symlink_to('nowhere')
    bad = sorted(path for path in photos.iterdir() if path.name < 'j')
    Image.new('RGBA', (16, 16), (1, 2, 3, 255)).save(photos / 'opaque.png')
    with pytest.raises(InputError, match=r'9 of 13 images cannot be packed') as caught:
        pack_images(photos, tmp_path / 'store', 4, workers=2)
    message = str(caught.value)
    assert all(message.count(str(path)) >= 1 for path in bad)
    assert len(message.split('\n')) == 9 + 2
    for named in (
        'cannot be read as an image',
        r'3x40, smaller than the scale, 4',
        'I;16',
        'partly transparent',
        'CMYK',
        '2 frames',
        'was not written. Replace or remove these files and repeat the command',
    ):
        assert named in message
    assert not any(path.name in message for path in photos.iterdir() if path not in bad)
    assert not (tmp_path / 'store').exists()
    assert not list(tmp_path.rglob('index.json'))
    for path in bad:
        path.unlink()
    assert pack_images(photos, tmp_path / 'store', 4, workers=0).images == 4
    assert verify_store(tmp_path / 'store', 0) == 4
    data = PackedPairs(str(tmp_path / 'store'), 4)
    assert data[0]['gt'][:, 0, 0].tolist() == [1, 2, 3]


def test_bad_options_and_folders(photos, tmp_path, monkeypatch):
    save(tmp_path / 'lq/Фото 0.png', (20, 25, 3))
    (tmp_path / 'empty').mkdir()
    save(photos.parent / 'twice/a.png', (8, 8))
    save(photos.parent / 'twice/a.jpg', (8, 8))
    store = tmp_path / 'store'
    for arguments, named in [
        ((tmp_path / 'nowhere', store), 'nowhere does not exist'),
        ((tmp_path / 'empty', store), 'empty has no images'),
        ((tmp_path / 'twice', store), r'a\.jpg and .*a\.png differ only in their suffix'),
        ((photos, store, 5), 'scale=5 must be 2, 3, 4, 8 or None'),
        ((photos, store, 4, tmp_path / 'lq'), 'scale=4 .*LQ images.*lq_folder.*Give one of the two'),
        ((photos, store, None, tmp_path / 'lq'), r'3 images and .*lq has 1, of which 2 have no partner'),
        ((photos, photos / 'Фото 0.png' / 'store', 4), r'store cannot be written: .*Not a directory'),
    ]:
        with pytest.raises(InputError, match=named):
            pack_images(*arguments, workers=0)
    assert not list(tmp_path.glob('.*'))
    for index, shape in [(1, (8, 12)), (2, (20, 16, 3))]:
        save(tmp_path / f'lq/Фото {index}.png', shape)
    with pytest.raises(
        InputError,
        match=r'(?s)2 of 3 images cannot.*0\.png is 41x50 and.* is 20x25.*2\.png is 32x32 and .*20x16',
    ):
        pack_images(photos, store, None, tmp_path / 'lq', workers=0)
    with pytest.raises(
        InputError,
        match=r"unfinished store with options .*'scale': 2, 'lq': 'given'.*"
        r"and this command has .*'scale': 4.*remove that folder",
    ):
        pack_images(photos, store, 4, workers=0)
    monkeypatch.setattr(
        'shutil.disk_usage', lambda path: os.terminal_size((0, 0)) and type('Usage', (), dict(free=5000))()
    )
    with pytest.raises(InputError, match=r'0\.0 GB free, and the store needs 0\.0 GB more\. Make room'):
        pack_images(photos, tmp_path / 'full', 4, workers=0)


def test_a_full_disk_in_a_worker(photos, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(pack, 'write_pixels', full)
        with pytest.raises(
            InputError, match=r'cannot be written: .*No space left on device.*repeat the command'
        ) as caught:
            pack_images(photos, tmp_path / 'store', 4, workers=1)
    assert 'Traceback' not in str(caught.value)
    assert pack_images(photos, tmp_path / 'store', 4, workers=1).images == 3


def refused(photos, store):
    with pytest.raises(InputError, match='is being packed by another process'):
        pack_images(photos, store, 4, workers=0)


def test_two_processes_do_not_pack_the_same_store(photos, tmp_path):
    with Unfinished(tmp_path / 'store', dict(scale=4, lq='made by bicubic'), []):
        child = in_a_child(lambda: refused(photos, tmp_path / 'store'))
        assert os.waitpid(child, 0)[1] == 0
    assert pack_images(photos, tmp_path / 'store', 4, workers=0).images == 3


@pytest.mark.parametrize('workers', [0, 2])
def test_verify_names_damaged_images(photos, tmp_path, workers):
    store = tmp_path / 'store'
    pack_images(photos, store, 4, workers=0)
    second = Store(store).index[1]
    with (store / 'lq.npy').open('r+b') as file:
        file.seek(128 + second.lq)
        byte = file.read(1)[0]
        file.seek(128 + second.lq)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(
        InputError,
        match=r'1 of 3 images in .*store do not match their checksums:\n  Фото 1\nCopy the store again',
    ):
        verify_store(store, workers)


def test_command_line(photos, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['pack_data.py', *map(str, arguments)])
        handler = signal.getsignal(signal.SIGINT)
        try:
            runpy.run_path(str(ROOT / 'tools/pack_data.py'), run_name='__main__')
        except SystemExit as end:
            return end.code
        finally:
            signal.signal(signal.SIGINT, handler)
        return capsys.readouterr().out

    store = tmp_path / 'a store'
    assert (
        run(photos, store, '--scale', 2, '--workers', 0)
        == f'3 images packed into {store}, 0 MB; 1 were cropped to a multiple of 2\n'
    )
    assert PackedPairs(str(store), 2).stores.scale == 2
    assert 'a store exists already' in run(photos, store)
    assert run('--verify', store, '--workers', 0) == f'3 images in {store} are intact\n'
    assert (
        run(photos, tmp_path / 'gt', '--gt-only', '--workers', 0)
        == f'3 images packed into {tmp_path / "gt"}, 0 MB\n'
    )
    run(photos, tmp_path / 'default', '--workers', 0)
    run(photos, tmp_path / 'given', '--lq', photos, '--workers', 0)
    assert [Store(tmp_path / name).scale for name in ('gt', 'default', 'given')] == [None, 4, 1]
    for wrong in [
        (photos,),
        (),
        (photos, store, '--verify', store),
        (photos, store, '--gt-only', '--scale', 2),
    ]:
        assert run(*wrong) == 2


@pytest.mark.parametrize('given', [False, True])
def test_small_images_are_left_out_or_padded_and_counted(photos, tmp_path, given):
    """Photos of 41x50, 16x24 and 32x32, at scale 4."""
    lq = None
    if given:
        Image.open(photos / 'Фото 0.png').crop((0, 0, 48, 40)).save(photos / 'Фото 0.png')
        make_pairs(photos, tmp_path / 'pairs')
        lq = tmp_path / 'pairs/LQx4'
    scale = None if given else 4
    packed = pack_images(photos, tmp_path / 'a', scale, lq, workers=0, min_size=32)
    assert (packed.images, packed.cropped, packed.skipped, packed.padded) == (2, not given, 1, 0)
    packed = pack_images(photos, tmp_path / 'b', scale, lq, workers=2, min_size=41, pad=True)
    # 41 is no multiple of the scale: all are padded to 44
    assert (packed.images, packed.skipped, packed.padded) == (3, 0, 3)
    sizes = [sample['gt'].shape[1:] for sample in PackedPairs(str(tmp_path / 'b'), 4)]
    assert sizes == [(44, 48), (44, 44), (44, 44)]
    sample = PackedPairs(str(tmp_path / 'b'), 4, 44)[1]
    small = torch.from_numpy(np.array(Image.open(photos / 'Фото 1.png').convert('RGB'))).permute(2, 0, 1)
    turned = torch.cat([small, small.flip(1), small], 1)[:, :44]
    expected = torch.cat([turned, turned.flip(2)], 2)[:, :, :44]
    assert torch.equal(sample['gt'], expected)
    inner = sample['lq'][:, :4, :6]
    assert torch.equal(inner, imresize(small, 0.25))
    assert torch.equal(sample['lq'][:, 4:8, :6], inner.flip(1))
    # what bicubic makes of the padded image, but for its rounding and the edge that is cut off
    drift = (imresize(expected, 0.25).int() - sample['lq'].int()).abs()
    assert drift[:, :10, :10].max() <= 1


def test_all_images_too_small(photos, tmp_path):
    with pytest.raises(InputError, match=r'all 3 images are smaller than --min-size 100 .*--pad'):
        pack_images(photos, tmp_path / 'a', 4, workers=0, min_size=100)
    assert not (tmp_path / 'a').exists()


def test_files_by_name(photos, tmp_path):
    files = {path.stem[-1]: path for path in photos.iterdir()}
    pack_images({'x': files['1'], 'y': files['2']}, tmp_path / 'a', 4, workers=0)
    assert [sample['key'] for sample in PackedPairs(str(tmp_path / 'a'), 4)] == ['x', 'y']
    lq = {'x': files['1'], 'y': files['2']}
    pack_images(lq, tmp_path / 'b', lq_folder=lq, workers=0)
    assert len(PackedPairs(str(tmp_path / 'b'), 1)) == 2
    with pytest.raises(InputError, match='by the names of the GT images'):
        pack_images(lq, tmp_path / 'c', lq_folder={'x': files['1']}, workers=0)
