"""Upscale many image files into a folder."""

from __future__ import annotations

import errno
import os
import re
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from ..arguments import check_value
from ..errors import InputError, printable
from ..io.atomic import remove_partial
from ..io.images import name_some
from ..io.picture_writing import FORMATS, Encoding, Subsampling, check_output, lost_colours, write_picture
from ..io.pictures import read_picture, read_size
from ..models.tiling import out_of_memory
from ..pretrained import card_of
from .inputs import find_images
from .results import plan_results
from .shards import device_of_process, parse_shard
from .upscaler import Upscaler

Format = Literal['png', 'jpg', 'webp', 'keep']
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # errors after which no other file can be written either


def upscale_files(
    inputs: Sequence[str],
    out: str | Path | None = None,
    checkpoint: str | Path | None = None,
    format: Format = 'png',
    suffix: str = '',
    quality: int = 95,
    subsampling: Subsampling | None = None,
    resume: bool = False,
    overwrite: bool = False,
    recursive: bool = False,
    shard: str | None = None,
    launcher: Literal['none', 'pytorch'] = 'none',
    pairs: dict[Path, Path] | None = None,
    **options: Any,
) -> list[Path]:
    """Upscale image files into a folder, with a progress bar.

    Outputs are written atomically. A file that cannot be processed does not stop the others; only a full or
    read-only disk does. Several processes may write into one folder.

    Args:
        inputs: Files, folders, patterns ('photos/**/*.jpg'), or '-' for a list of files and folders on stdin,
            one per line. Of a folder, the images directly in it are taken; what else it holds is named at the
            end.
        out: Folder of the results, which are named NAME + suffix + ending; or, for a single input, the file
            to write. Where two inputs differ only in their ending, NAME is the whole name of each. By default
            results are written beside the inputs, with the network and the scale in their names:
            photo_compact_x4.png.
        checkpoint: Weights of the network, see ``Upscaler``; by default those that come with the package.
        format: 'png', 'jpg', 'webp', or 'keep' for that of each input; WebP without loss stays so. PNG and
            TIFF keep 16 bits.
        suffix: Text after the name of each result, such as '_x4'.
        quality: Quality of JPEG and WebP, 1 to 100.
        subsampling: Resolution of the colours of JPEG, '4:4:4', '4:2:2' or '4:2:0'; by default 4:4:4 from
            quality 90, else 4:2:0. An error if no result is a JPEG file.
        resume: Skip inputs that already have a result.
        overwrite: Replace existing results. Cannot be combined with ``resume``, which would take them for its
            own.
        recursive: Take the images of subfolders too, and make the same subfolders in ``out``.
        shard: 'I/N', to process share I of N of the images, I from 1. Give every process the same inputs.
        launcher: 'pytorch' to share the images among the processes that torchrun has started.
        pairs: Dict to which the path of the result of every input is added, of those skipped too.
        **options: Arguments of ``Upscaler``.

    Returns:
        Paths of the results that were written by this process, in the order of the inputs.

    Raises:
        InputError: Before anything is written, if arguments contradict each other, there are no inputs, an
            input does not exist, two results would have the same path, a result would replace an input or an
            existing result, or the network cannot be used. At the end, if files could not be processed; the
            error names them.
    """
    check_value('format', format, Format)
    if not 1 <= quality <= 100:
        raise InputError(f'quality={quality!r} must be from 1 to 100.')
    check_value('subsampling', subsampling, Subsampling | None)
    if '/' in suffix:
        raise InputError(f'suffix={suffix!r} must be a part of a file name, such as _x4.')
    if resume and overwrite:
        raise InputError(
            '--resume skips images that already have a result, and --overwrite replaces it. Give one of them.'
        )
    share = parse_shard(shard, launcher)
    if share.launched and '-' in inputs:
        raise InputError("several processes cannot read one list on stdin. Give folders in the place of '-'.")
    if launcher != 'none' and options.get('device') in (None, 'auto'):
        options['device'] = device_of_process()
    first = not share.launched or share.index == 0
    built = None if out is not None else _upscaler(checkpoint, first, options)  # whose scale is in the names
    left_out: list[Path] = []
    files = find_images(
        inputs, left_out=left_out, recursive=recursive, apart=None if out is None else Path(out)
    )
    if built is None:
        out = Path(str(out))
        planned = plan_results(files, out, format, suffix)
    else:
        beside = {path: path.parent for path in files}
        planned = plan_results(beside, Path(), format, suffix or _name_of(checkpoint, built.outscale))
    left_out += [path for path in files if path not in planned]
    if subsampling and not any(FORMATS[target.suffix.lower()] == 'jpg' for target in planned.values()):
        raise InputError(f'--subsampling {subsampling} is for JPEG, but no result is. Add --format jpg.')
    jobs = share.share(planned)
    present = [target for target in jobs.values() if os.path.isfile(target)]
    if present and not resume and not overwrite:
        raise InputError(
            f'{len(present)} of {len(jobs)} results exist already (such as {present[0]}). Give --resume '
            'to skip these images, or --overwrite to replace the results.'
        )
    upscaler = built or _upscaler(checkpoint, first, options)
    for folder in {target.parent for target in jobs.values()}:
        remove_partial(folder)
    todo = {source: target for source, target in jobs.items() if not (resume and os.path.isfile(target))}
    encoding = Encoding(quality, subsampling, lossless=format == 'keep')
    advice = 'start over with the same command' if overwrite else 'go on with --resume'
    if pairs is not None:
        pairs |= jobs
    written, failed = _process(upscaler, todo, encoding, overwrite, advice, not first)
    parts = share.gather((len(jobs), len(todo), len(written), failed))
    if first:
        total, tried, count = (sum(part[index] for part in parts) for index in range(3))
        failed = [line for part in parts for line in part[3]]
        skipped = f', {rest} skipped' if (rest := total - count - len(failed)) else ''
        where = (
            out if built is None else planned[next(iter(planned))] if len(planned) == 1 else 'their folders'
        )
        print(f'{count} images written to {where}{skipped}', file=sys.stderr)
        left_out = [
            path for path in left_out if out is None or os.path.realpath(path) != os.path.realpath(out)
        ]
        if left_out:
            print(f'{len(left_out)} other files and folders left out: {name_some(left_out)}', file=sys.stderr)
        if failed:
            raise InputError('\n'.join([f'{len(failed)} of {tried} images could not be processed:', *failed]))
    return written


def _upscaler(checkpoint: str | Path | None, first: bool, options: dict[str, Any]) -> Upscaler:
    """Return the upscaler, and say which network it has where the user named none."""
    if checkpoint is None and first:
        card = card_of()
        print(
            f'Network: {card["name"]}, which comes with mmsr_ext (x{card["scale"]}, for clean photographs). '
            'Choose another one with -c NAME, of those that mmsr models lists, or -c FILE.',
            file=sys.stderr,
        )
    return Upscaler(checkpoint, say=lambda text: tqdm.write(text, file=sys.stderr), **options)


def _name_of(checkpoint: str | Path | None, outscale: float) -> str:
    """Return what the name of a result says of the network and the scale.

    >>> _name_of(None, 4), _name_of('runs/SRGAN.pth', 4), _name_of('realesr-general-x4v3.pth', 2)
    ('_compact_x4', '_SRGAN_x4', '_realesr-general-x4v3_x2')
    """
    name = card_of()['name'] if checkpoint is None else Path(checkpoint).stem
    return f'_{name}' if re.search(rf'x{outscale:g}(?![\d.])', name) else f'_{name}_x{outscale:g}'


def _process(
    upscaler: Upscaler, jobs: dict[Path, Path], encoding: Encoding, overwrite: bool, again: str, hidden: bool
) -> tuple[list[Path], list[str]]:
    """Upscale files; return the results and an error for each file that could not be processed.

    Args:
        upscaler: The upscaler.
        jobs: Path of the result of every input. One that another process has written by then is skipped.
        encoding: How JPEG and WebP are compressed; ``lossless`` only where the input is so.
        overwrite: Replace existing results.
        again: How to continue after an error, for the error.
        hidden: Show no progress bar.
    """
    written, failed = [], []
    sizes = {source: _megapixels(upscaler, source) for source in jobs}
    layout = '{l_bar}{bar}| {n:.1f}/{total:.1f} MP [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]'
    with tqdm(
        total=sum(sizes.values()), unit='MP', bar_format=layout, dynamic_ncols=True, disable=hidden
    ) as bar:
        for source, target in jobs.items():
            start = bar.n
            bar.set_postfix_str(printable(source.name))
            try:
                if overwrite or not os.path.isfile(target):
                    _upscale_file(upscaler, source, target, encoding, bar)
                    written.append(target)
            except OSError as error:  # while writing: reading raises InputError
                if error.errno in DISK:
                    raise InputError(
                        f'{target} cannot be written ({error}). Make room or choose another folder, and '
                        f'{again}.'
                    ) from error
                failed.append(f'{source}: {target} cannot be written ({error.strerror or error}).')
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                reason = str(error).partition('\n')[0] or type(error).__name__
                failed.append(
                    f'{source}: not enough memory ({reason}). Free memory, or cut the image into parts.'
                )
            except (ValueError, ArithmeticError, SyntaxError, struct.error) as error:  # InputError too
                failed.append(f'{source}: {error}' if str(source) not in str(error) else str(error))
            bar.update(max(start + sizes[source] - bar.n, 0))
    return written, failed


def _megapixels(upscaler: Upscaler, source: Path) -> float:
    """Return the size of the result, from the header of the input; 0 for a broken file."""
    height, width = read_size(source)
    return height * width * upscaler.outscale**2 / 1e6


def _upscale_file(upscaler: Upscaler, source: Path, target: Path, encoding: Encoding, bar: tqdm) -> None:
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
    if picture.remark:
        upscaler.say(f'{source} {picture.remark}.')
    if lost := lost_colours(target, picture.icc, picture.chunks, channels):
        upscaler.say(
            f'{source}: {" and ".join(lost)} cannot be kept in {target.suffix} files'
            + (
                '.'
                if target.suffix.lower() == '.png'
                else ': viewers may show other colours. Use --format png.'
            )
        )
    encoding = replace(encoding, lossless=encoding.lossless and picture.lossless)

    def strips() -> Iterable:
        for strip in upscaler.rows(pixels):
            yield strip
            # tqdm cannot show more than the total
            bar.update(min(len(strip) * width / 1e6, max((bar.total or 0) - bar.n, 0)))

    write_picture(
        target, (height, width), channels, pixels.dtype, strips(), picture.icc, encoding, picture.chunks
    )
