"""Upscale many image files into a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from tqdm import tqdm

from ..arguments import check_value
from ..errors import InputError
from ..io.images import is_image_name, name_some, split_folder
from ..io.picture_writing import FORMATS, check_output, write_picture
from ..io.pictures import read_picture, read_size
from ..pretrained import card_of
from .tile_runner import out_of_memory
from .upscaler import Upscaler

Format = Literal['png', 'jpg', 'webp', 'keep']
MOST_PIXELS = 2**30
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


def upscale_files(
    inputs: Sequence[str],
    out: str | Path,
    checkpoint: str | Path | None = None,
    format: Format = 'png',
    suffix: str = '',
    quality: int = 95,
    resume: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> list[Path]:
    """Upscale image files into a folder, with a progress bar.

    Outputs are written atomically. A file that cannot be processed does not stop the others.

    Args:
        inputs: Files, folders, patterns ('photos/**/*.jpg'), or '-' for a list of files and folders on stdin,
            one per line. Of a folder, the images directly in it are taken; what else it holds is named at the
            end.
        out: Folder of the results, which are named NAME + suffix + ending; or, for a single input, the file
            to write.
        checkpoint: Weights of the network, see ``Upscaler``; by default those that come with the package.
        format: 'png', 'jpg', 'webp', or 'keep' for that of each input. PNG and TIFF keep 16 bits.
        suffix: Text after the name of each result, such as '_x4'.
        quality: Quality of JPEG and WebP, 1 to 100.
        resume: Skip inputs that already have a result.
        overwrite: Replace existing results. Cannot be combined with ``resume``, which would take them for its
            own.
        **options: Arguments of ``Upscaler``.

    Returns:
        Paths of the results that were written, in the order of the inputs.

    Raises:
        InputError: Before anything is written, if arguments contradict each other, there are no inputs, an
            input does not exist, two results would have the same path, a result would replace an input or an
            existing result, or the network cannot be used. At the end, if files could not be processed; the
            error names them.
    """
    check_value('format', format, Format)
    if not 1 <= quality <= 100:
        raise InputError(f'quality={quality!r} must be from 1 to 100.')
    if '/' in suffix:
        raise InputError(f'suffix={suffix!r} must be a part of a file name, such as _x4.')
    if resume and overwrite:
        raise InputError(
            '--resume skips images that already have a result, and --overwrite replaces it. Give one of them.'
        )
    left_out: list[Path] = []
    files = find_images(inputs, left_out=left_out)
    jobs = _plan(files, Path(out), format, suffix)
    left_out += [path for path in files if path not in jobs]
    present = [target for target in jobs.values() if target.exists()]
    if present and not resume and not overwrite:
        raise InputError(
            f'{len(present)} of {len(jobs)} results exist already (such as {present[0]}). Give --resume '
            'to skip these images, or --overwrite to replace the results.'
        )
    if checkpoint is None:
        card = card_of()
        print(
            f'Network: {card["name"]}, which comes with mmsr_ext (x{card["scale"]}, for clean photographs). '
            'Use another one with -c FILE.',
            file=sys.stderr,
        )
    upscaler = Upscaler(checkpoint, say=lambda text: tqdm.write(text, file=sys.stderr), **options)
    todo = {source: target for source, target in jobs.items() if not (resume and target.exists())}
    written, failed = _process(
        upscaler, todo, quality, 'start over with the same command' if overwrite else 'go on with --resume'
    )
    skipped = f', {len(jobs) - len(todo)} skipped' if len(todo) < len(jobs) else ''
    print(f'{len(written)} images written to {out}{skipped}', file=sys.stderr)
    left_out = [path for path in left_out if path.resolve() != Path(out).resolve()]
    if left_out:
        print(f'{len(left_out)} other files and folders left out: {name_some(left_out)}', file=sys.stderr)
    if failed:
        raise InputError('\n'.join([f'{len(failed)} of {len(todo)} images could not be processed:', *failed]))
    return written


def find_images(
    inputs: Sequence[str], lines: Iterable[str] | None = None, left_out: list[Path] | None = None
) -> list[Path]:
    """Find the image files that paths, patterns and a list on stdin name.

    Args:
        inputs: See ``upscale_files``. A path that exists is not taken for a pattern.
        lines: Lines to read instead of stdin.
        left_out: List to which everything is added that folders hold, or patterns match, besides images.

    Returns:
        Paths in the order in which they are named, each once.

    Raises:
        InputError: If a path does not exist, a pattern matches nothing, or there are no images at all.
    """
    found: list[Path] = []
    others: list[Path] = []
    for name in inputs:
        if name == '-':
            listed = [line.rstrip('\r\n') for line in (sys.stdin if lines is None else lines)]
            for line in filter(None, listed):
                if not Path(line).exists():
                    raise InputError(
                        f'{line}, listed on stdin, does not exist. Give one file or folder per line.'
                    )
                found += _images_of(Path(line), others)
        elif Path(name).exists():
            found += _images_of(Path(name), others)
        elif has_magic(name):
            matches = [Path(match) for match in sorted(glob(name, recursive=True))]
            images = [path for path in matches if path.is_file() and is_image_name(path)]
            if not images:
                held = f' It matches {name_some(matches)}.' if matches else ''
                raise InputError(f'no image matches {name}, such as .png, .jpg or .tif files.{held}')
            found += images
            others += sorted({*matches} - {*images})
        else:
            raise InputError(f'{name} does not exist. Give image files, folders, or patterns in quotes.')
    unique: dict[Path, Path] = {}
    for path in found:
        unique.setdefault(path.resolve(), path)
    if not unique:
        raise InputError(
            'no images were given. Give image files, folders, patterns in quotes, or - for a list on stdin.'
        )
    if left_out is not None:
        taken = {part for path in found for part in (path.resolve(), *path.resolve().parents)}
        left_out += {path.resolve(): path for path in others if path.resolve() not in taken}.values()
    return list(unique.values())


def _images_of(path: Path, others: list[Path]) -> list[Path]:
    """Return a file, or the images in a folder; what else the folder holds is added to ``others``."""
    if not path.is_dir():
        return [path]
    images, rest = split_folder(path)
    others += rest
    return images


def _plan(files: list[Path], out: Path, format: str, suffix: str) -> dict[Path, Path]:
    """Decide where the result of each input goes.

    Raises:
        InputError: If a result would replace another or an input, or ``out`` is an image file of a format
            that cannot be written.
    """
    if out.suffix.lower() in FORMATS and not out.is_dir():
        if len(files) != 1:
            raise InputError(f'-o {out} is a file, but there are {len(files)} images. Give a folder.')
        jobs = {files[0]: out}
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
        jobs = {path: out / f'{path.stem}{suffix}{_ending(path, format)}' for path in files}
        beside = next((path for path in files if path.parent.resolve() == out.resolve()), None)
        if beside and not suffix:
            raise InputError(
                f'-o {out} is the folder of {beside}. Give another folder, or other names with --suffix _x4.'
            )
        # in the inputs' folder, do not upscale the results of an earlier call
        results = {target.resolve(): source for source, target in jobs.items()}
        jobs = {path: target for path, target in jobs.items() if results.get(path.resolve(), path) == path}
    inputs = {path.resolve() for path in jobs}
    sources: dict[Path, Path] = {}
    for source, target in jobs.items():
        other = sources.setdefault(target.resolve(), source)
        if other != source:
            raise InputError(
                f'{other} and {source} would both be written to {target}. Rename one, or upscale them into '
                'different folders.'
            )
        if target.resolve() in inputs:
            raise InputError(
                f'the result of {source} would replace {target}, which is an input. Give another name or '
                'folder.'
            )
    return jobs


def _ending(path: Path, format: str) -> str:
    if format != 'keep':
        return f'.{format}'
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f'--format keep: {path} has no suffix of a known format ({", ".join(FORMATS)}). Use --format png.'
        )
    return path.suffix.lower()


def _process(
    upscaler: Upscaler, jobs: dict[Path, Path], quality: int, again: str
) -> tuple[list[Path], list[str]]:
    """Upscale files; return the results and an error for each file that could not be processed.

    Args:
        upscaler: The upscaler.
        jobs: Path of the result of every input.
        quality: Quality of JPEG and WebP.
        again: How to continue after an error, for the error.
    """
    written, failed, limit = [], [], Image.MAX_IMAGE_PIXELS
    # Pillow's limit protects servers; the user's own photographs may be larger
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        sizes = {source: _megapixels(upscaler, source) for source in jobs}
        layout = '{l_bar}{bar}| {n:.1f}/{total:.1f} MP [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]'
        with tqdm(total=sum(sizes.values()), unit='MP', bar_format=layout, dynamic_ncols=True) as bar:
            for source, target in jobs.items():
                start = bar.n
                bar.set_postfix_str(source.name)
                try:
                    _upscale_file(upscaler, source, target, quality, bar)
                    written.append(target)
                except InputError as error:
                    failed.append(f'{source}: {error}' if str(source) not in str(error) else str(error))
                except OSError as error:  # while writing: reading raises InputError
                    raise InputError(
                        f'{target} cannot be written ({error}). Make room or choose another folder, and '
                        f'{again}.'
                    ) from error
                except (MemoryError, RuntimeError) as error:
                    if not out_of_memory(error):
                        raise
                    reason = str(error).partition('\n')[0] or type(error).__name__
                    failed.append(
                        f'{source}: not enough memory ({reason}). Free memory, or cut the image into parts.'
                    )
                bar.update(start + sizes[source] - bar.n)
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    return written, failed


def _megapixels(upscaler: Upscaler, source: Path) -> float:
    """Return the size of the result, from the header of the input; 0 for a broken file."""
    height, width = read_size(source)
    return height * width * upscaler.outscale**2 / 1e6


def _upscale_file(upscaler: Upscaler, source: Path, target: Path, quality: int, bar: tqdm) -> None:
    picture = read_picture(source)
    pixels = picture.pixels
    channels, top = pixels.shape[2], None
    if channels in (2, 4):
        top = pixels[..., -1].min()
    if top == (255 if pixels.dtype == 'uint8' else 65535) and FORMATS[target.suffix.lower()] in (
        'jpg',
        'bmp',
        'ppm',
    ):
        pixels, channels, top = pixels[..., :-1], channels - 1, None  # opaque: drop alpha
    height, width = upscaler.output_size(*pixels.shape[:2])
    check_output(target, source, height, width, top is not None)
    target.parent.mkdir(parents=True, exist_ok=True)

    def strips() -> Iterable:
        for strip in upscaler.rows(pixels):
            yield strip
            # tqdm cannot show more than the total
            bar.update(min(len(strip) * width / 1e6, max((bar.total or 0) - bar.n, 0)))

    write_picture(target, (height, width), channels, pixels.dtype, strips(), picture.icc, quality)
