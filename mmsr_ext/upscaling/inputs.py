"""Find the image files that the arguments of a command name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path

from ..errors import InputError
from ..io.images import is_image_name, name_some, split_folder

HERE = Path()


def find_images(
    inputs: Sequence[str],
    lines: Iterable[str] | None = None,
    left_out: list[Path] | None = None,
    recursive: bool = False,
    apart: Path | None = None,
) -> dict[Path, Path]:
    """Find the image files that paths, patterns and a list on stdin name.

    Args:
        inputs: See ``upscale_files``. A path that exists is not taken for a pattern.
        lines: Lines to read instead of stdin.
        left_out: List to which everything is added that folders hold, or patterns match, besides images.
        recursive: Search subfolders too; links to folders and names that begin with a dot are left out.
        apart: A subfolder that is not searched.

    Returns:
        Files in the order in which they are named, each once, with the folder of each below the folder that
        was named, or below the first wildcard of the pattern; '.' without ``recursive``.

    Raises:
        InputError: If a path does not exist, a pattern matches nothing, or there are no images at all. A path
            on stdin may have vanished, as long as another one exists.
    """
    found: dict[Path, Path] = {}
    others: list[Path] = []

    def take(path: Path) -> None:
        if os.path.isdir(path):
            try:
                images, rest = split_folder(path, recursive, apart)
            except InputError as error:
                if recursive or not any(entry.is_dir() for entry in path.iterdir()):
                    raise
                raise InputError(f'{error} --recursive takes the images of subfolders too.') from error
            found.update((image, image.parent.relative_to(path)) for image in images if image not in found)
            others.extend(rest)
        else:
            found.setdefault(path, HERE)

    for name in inputs:
        if name == '-':
            listed = [line.rstrip('\r\n') for line in (sys.stdin if lines is None else lines)]
            listed = [line for line in listed if line]
            if listed and not any(os.path.exists(line) for line in listed):
                raise InputError(
                    f'{listed[0]}, listed on stdin, does not exist. Give one file or folder per line.'
                )
            for line in listed:  # one that has vanished gives an error when it is read
                take(Path(line))
        elif os.path.exists(name):
            take(Path(name))
        elif has_magic(name):
            matches = [Path(match) for match in sorted(glob(name, recursive=True))]
            images = [path for path in matches if path.is_file() and is_image_name(path)]
            if not images:
                held = f' It matches {name_some(matches)}.' if matches else ''
                raise InputError(f'no image matches {name}, such as .png, .jpg or .tif files.{held}')
            top = _above_wildcards(name)
            for image in images:
                found.setdefault(image, image.parent.relative_to(top) if recursive else HERE)
            others += sorted({*matches} - {*images})
        else:
            raise InputError(f'{name} does not exist. Give image files, folders, or patterns in quotes.')
    unique: dict[str, Path] = {}
    for path in found:
        real = os.path.realpath(path)
        if real not in unique or len(path.parts) < len(
            unique[real].parts
        ):  # not through a link that leads up
            unique[real] = path
    if not unique:
        raise InputError(
            'no images were given. Give image files, folders, patterns in quotes, or - for a list on stdin.'
        )
    if left_out is not None:
        taken = {part for name in unique for part in (Path(name), *Path(name).parents)}
        rest = {Path(os.path.realpath(path)): path for path in others}
        left_out += [path for real, path in rest.items() if real not in taken]
    return {path: found[path] for path in unique.values()}


def _above_wildcards(pattern: str) -> Path:
    """Return the part of a pattern before its first wildcard, at most its folder."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if has_magic(part))
    return Path(*parts[: min(first, len(parts) - 1)])
