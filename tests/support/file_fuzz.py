"""Damage files of every kind, and read each in a copy of this process with bounded memory and time."""

import io
import json
import pickletools
import random
import shutil
import zipfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.apis import pack_images
from mmsr_ext.datasets import PackedPairs
from mmsr_ext.exporting.export import export
from mmsr_ext.io.images import read_image
from mmsr_ext.io.pictures import read_picture
from mmsr_ext.models import SRResNet
from mmsr_ext.mos.ratings import read_ratings
from mmsr_ext.mos.study import Study
from mmsr_ext.upscaling.network import examine, load_network
from support.bounded import GIGABYTE, taken
from support.fuzz import mutate_file
from support.mos import line, make_study

FORMATS = ('png', 'jpg', 'gif', 'tif', 'webp', 'bmp', 'ppm', 'tga', 'ico', 'jp2', 'pcx', 'avif', 'dds', 'qoi')
SECONDS = 10


def write_files(folder: Path) -> dict[Path, object]:
    """Write one file of every kind; return how each is read."""
    reads: dict[Path, object] = {}
    folder.mkdir(parents=True)
    network = SRResNet(mid_channels=4, num_blocks=1, scale=2).eval()
    torch.save({'state_dict': network.state_dict(), 'meta': {'iter': 3}}, folder / 'net.pth')
    torch.save(network.state_dict(), folder / 'older.pth', _use_new_zipfile_serialization=False)
    for kind in ('safetensors', 'onnx'):
        export(folder / 'net.pth', kind, folder / f'net.{kind}')
    for name in ('net.pth', 'older.pth', 'net.safetensors', 'net.onnx'):
        reads[folder / name] = lambda path: examine(load_network(path))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    image = Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC)
    for ending in FORMATS:
        try:
            image.save(folder / f'image.{ending}')
        except (KeyError, OSError, ValueError):  # this Pillow cannot write it
            (folder / f'image.{ending}').unlink(missing_ok=True)
            continue
        reads[folder / f'image.{ending}'] = lambda path: (_refused(read_picture, path), read_image(path))
    for part, edge in (('GT', 48), ('LQ', 12)):
        (folder / part).mkdir()
        image.resize((edge, edge)).save(folder / part / '0.png')
    pack_images(folder / 'GT', folder / 'store', lq_folder=folder / 'LQ', workers=0)
    for path in (folder / 'store').iterdir():
        reads[path] = lambda path: PackedPairs(str(path.parent), 4, 16)[0]
    study = make_study(folder / 'mos')
    ratings = folder / 'mos' / 'study' / 'ratings.jsonl'
    ratings.write_text(''.join(line(study, 'r', item, 3) for item in study.items))
    for path in (ratings, ratings.with_name('key.json')):
        reads[path] = lambda path: read_ratings(path.parent / 'ratings.jsonl', Study.load(path.parent))
    return reads


def _refused(read, path):
    with suppress(InputError):
        read(path)


def mutate_pickle(path: Path, rng: random.Random) -> str:
    """Change opcodes of the pickle in a .pth file, and write the archive anew with right checksums."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in entries if name.endswith('data.pkl'))
    places = [place for _, _, place in pickletools.genops(entries[name])]
    pieces = [entries[name][a:b] for a, b in zip(places, [*places[1:], None])]
    done = []
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        action = rng.choice(('delete', 'repeat', 'swap', 'opcode', 'move', 'number'))
        index = rng.randrange(len(pieces) - 1)
        if action == 'delete' and len(pieces) > 2:
            del pieces[index]
        elif action == 'repeat':
            pieces[index:index] = [pieces[index]] * rng.choice((1, 10, 1000))
        elif action == 'swap':
            other = rng.randrange(len(pieces) - 1)
            pieces[index], pieces[other] = pieces[other], pieces[index]
        elif action == 'opcode':
            pieces[index] = rng.choice(pickletools.opcodes).code.encode('latin1') + pieces[index][1:]
        elif action == 'move':
            pieces.insert(rng.randrange(len(pieces) - 1), pieces.pop(index))
        else:
            pieces[index] = b'\x8a\x08' + rng.randbytes(8)  # LONG1
        done.append(action)
    entries[name] = b''.join(pieces)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    path.write_bytes(stream.getvalue())
    return f'pickle {" ".join(done)} in {path.name}'


def fuzz(folder: Path, seeds: range) -> tuple[Counter, dict[str, str], int, float]:
    """Damage one file for each seed, and read it.

    Returns:
        How the cases ended, those that ended badly, and the most memory in bytes and seconds that one took.
    """
    kept, used = folder / 'kept', folder / 'used'
    reads = {path.relative_to(kept): read for path, read in write_files(kept).items()}
    files = sorted(reads)
    kinds: Counter = Counter()
    bad: dict[str, str] = {}
    memory, seconds = 0, 0.0
    for seed in seeds:
        rng = random.Random(seed)
        name = rng.choice(files)
        shutil.rmtree(used, ignore_errors=True)
        shutil.copytree(kept, used)
        if name.name == 'net.pth' and rng.random() < 0.8:
            what = mutate_pickle(used / name, rng)
        else:
            what = mutate_file(used / name, [kept / other for other in files if other != name], rng)
        result = taken(lambda name=name: reads[name](used / name), SECONDS)
        fine = result.ended == 'success' or result.ended.startswith('InputError: ')
        kinds[f'{name.suffix or name.name}: {"fine" if fine else "bad"}'] += 1
        memory, seconds = max(memory, result.memory), max(seconds, result.seconds)
        if not fine or result.memory > GIGABYTE or result.seconds > SECONDS:
            bad[f'seed {seed}, {what}'] = json.dumps(result._asdict())
    return kinds, bad, memory, seconds
