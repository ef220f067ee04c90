"""What this installation can do: packages, devices, precisions, memory, disk, and what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

import torch

from ..machine import free_memory, machine, pick_device
from ..pretrained import names
from ..version import __version__

# by the module that is imported: what needs it, and how it is installed
OPTIONAL = {
    'mmcv': ('all commands', "pip install 'mmcv-lite>=2.0.0,<2.2.0'"),
    'imagecodecs': ('TIFF, JPEG 2000 and AVIF files', 'pip install imagecodecs'),
    'skimage': ('mmsr quickstart and demo-data', 'pip install scikit-image'),
    'onnx': ('mmsr export --format onnx', "pip install 'mmsr_ext[export]'"),
    'onnxruntime': ('mmsr upscale -c network.onnx', "pip install 'mmsr_ext[export]'"),
    'av': ('videos in mmsr upscale', 'pip install av'),
    'gradio': ('mmsr demo', 'pip install gradio'),
    'spandrel': ('networks that spandrel knows, in mmsr upscale', 'pip install spandrel'),
    'tensorboard': ('curves in TensorBoard', 'pip install tensorboard'),
}
WEIGHTS = {
    'vgg19-dcbb9e9d.pth': 'the perceptual loss of the papers; downloaded when it is first needed (550 MB)',
    'alexnet-owt-7be5be79.pth': 'LPIPS in mmsr test; without it LPIPS is left out (230 MB)',
}
DISK = 10e9  # bytes that a run with checkpoints may need


def examine() -> Iterator[str]:
    """Yield the lines of the report, which end with a sentence on what is missing."""
    here = machine()
    yield f'mmsr_ext {__version__} in {Path(__file__).parents[1]}, Python {here["versions"].pop("python")}'
    here['versions'].pop('mmsr_ext', None)
    yield 'packages   ' + ', '.join(f'{name} {version}' for name, version in here['versions'].items())
    memory = f'{free_memory() / 1e9:.1f} GB of memory free'
    yield f'processor  {here["processor"]}, {here["cores"]} cores; {memory}'
    yield from _devices()
    yield f'precision  {_precisions()}'
    yield from _disk()
    yield f'networks   {", ".join(names())} (in the package; -c NAME)'
    missing = []
    for module, (what, how) in OPTIONAL.items():
        found = util.find_spec(module) is not None
        yield f'{"yes" if found else "no ":<9}  {module}: for {what}{"" if found else f"; {how}"}'
        missing += [] if found else [module]
    for file, what in WEIGHTS.items():
        found = Path(torch.hub.get_dir(), 'checkpoints', file).is_file()
        missing += [] if found else [file]
        yield f'{"yes" if found else "no ":<9}  {file} in {torch.hub.get_dir()}/checkpoints: for {what}'
    conflicts = list(_conflicts())
    yield from conflicts
    if not conflicts:
        yield f'Missing: {", ".join(missing)}; all else works.' if missing else 'Nothing is missing.'


def _devices() -> Iterator[str]:
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        yield f'GPU {index}      {name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free'
    if not torch.cuda.device_count():
        built = f'PyTorch is built for CUDA {torch.version.cuda}' if torch.version.cuda else 'a CPU build'
        yield f'GPU        none ({built}); commands run on: {pick_device()}'


def _precisions() -> str:
    if torch.cuda.is_available():
        half = 'float16, bfloat16' if torch.cuda.is_bf16_supported() else 'float16'
        return f'float32, and {half} (--amp of train, --precision of upscale)'
    fast = torch.cpu._is_avx512_bf16_supported() if hasattr(torch.cpu, '_is_avx512_bf16_supported') else False
    return 'float32; bfloat16 ' + ('in hardware' if fast else 'is slow here: no units for it')


def _disk() -> Iterator[str]:
    for what, folder in (('this folder', Path.cwd()), ("weights' folder", Path(torch.hub.get_dir()))):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free
        yield f'disk       {free / 1e9:.1f} GB free in {what}, {folder}' + (
            ': little for checkpoints' if free < DISK else ''
        )
    if Path('/dev/shm').is_dir():
        free = shutil.disk_usage('/dev/shm').free
        yield f'disk       {free / 1e9:.1f} GB free in /dev/shm, which the data workers share'


def _conflicts() -> Iterator[str]:
    """Yield what the requirements of the package ask for and is not so."""
    from packaging.requirements import Requirement

    try:
        wanted = metadata.requires('mmsr_ext') or []
    except metadata.PackageNotFoundError:
        yield f'warning    mmsr_ext is not installed by pip; it runs from {sys.path[0] or "."}'
        return
    for line in wanted:
        one = Requirement(line)
        if one.marker is not None and not one.marker.evaluate({'extra': ''}):
            continue
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            yield f"warning    {one.name} is missing: pip install '{one}'"
            continue
        if version not in one.specifier:
            yield f"warning    {one.name} {version} is installed, but {one} is expected: pip install '{one}'"
