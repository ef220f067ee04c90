"""Decide where the result of each image goes."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from ..errors import InputError
from ..io.picture_writing import FORMATS

IMAGES_TOO = (
    '.avif',
    '.dng',
    '.exr',
    '.hdr',
    '.heic',
    '.heif',
    '.jxl',
    '.raw',
    '.svg',
)  # in addition to those of Pillow


def plan_results(files: Mapping[Path, Path], out: Path, format: str, suffix: str) -> dict[Path, Path]:
    """Decide where the result of each image goes.

    A result has its input's name without the ending. Inputs that would share it, as a.png and a.jpg, keep
    theirs: a.png.png and a.jpg.png.

    Args:
        files: Images, with the folder of each below ``out``.
        out: See ``upscale_files``.
        format: See ``upscale_files``.
        suffix: See ``upscale_files``.

    Returns:
        Path of the result of every image, without images that are results of others.

    Raises:
        InputError: If a result would replace another or an input, or ``out`` is an image file of a format
            that cannot be written.
    """
    if out.suffix.lower() in FORMATS and not out.is_dir():
        if len(files) != 1:
            raise InputError(f'-o {out} is a file, but there are {len(files)} images. Give a folder.')
        jobs = {next(iter(files)): out}
    else:
        if not out.is_dir() and out.suffix.lower() in (*Image.registered_extensions(), *IMAGES_TOO):
            raise InputError(
                f'-o {out} cannot be written: an image file ends in {", ".join(FORMATS)}. Give one of these, '
                'or a folder.'
            )
        if out.exists() and not out.is_dir():
            raise InputError(
                f'-o {out} is a file, but not an image. Give a folder, or a name that ends in '
                f'{", ".join(FORMATS)}.'
            )
        jobs = _named(files, out, format, suffix)
        beside = next(
            (path for path, target in jobs.items() if _real(path.parent) == _real(target.parent)), None
        )
        if beside and not suffix:
            raise InputError(
                f'-o {out} is the folder of {beside}. Give another folder, or other names with --suffix _x4.'
            )
        # in the inputs' folder, do not upscale the results of an earlier call
        results = {_real(target): source for source, target in jobs.items()}
        jobs = {path: target for path, target in jobs.items() if results.get(_real(path), path) == path}
    inputs = {_real(path) for path in jobs}
    sources: dict[str, Path] = {}
    for source, target in jobs.items():
        other = sources.setdefault(_real(target), source)
        if other != source:
            raise InputError(
                f'{other} and {source} would both be written to {target}. Give the folder above both, with '
                '--recursive, which keeps their folders, or upscale them into different folders.'
            )
        if _real(target) in inputs:
            raise InputError(
                f'the result of {source} would replace {target}, which is an input. Give another name or '
                'folder.'
            )
    return jobs


def _named(files: Mapping[Path, Path], out: Path, format: str, suffix: str) -> dict[Path, Path]:
    """Name the results; those that would share a name keep the ending of their inputs in it."""
    endings = {path: _ending(path, format) for path in files}
    whole: set[Path] = set()
    while True:
        jobs = {
            path: out / folder / f'{path.name if path in whole else path.stem}{suffix}{endings[path]}'
            for path, folder in files.items()
        }
        names: dict[Path, set[str]] = defaultdict(set)
        for path, target in jobs.items():
            names[target].add(path.name)
        shared = {path for path, target in jobs.items() if len(names[target]) > 1} - whole
        if not shared:
            return jobs
        whole |= shared


def _ending(path: Path, format: str) -> str:
    if format != 'keep':
        return f'.{format}'
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f'--format keep: {path} has no suffix of a known format ({", ".join(FORMATS)}). Use --format png.'
        )
    return path.suffix.lower()


def _real(path: Path) -> str:
    return os.path.realpath(path)  # unlike Path.resolve, of a link to itself too
