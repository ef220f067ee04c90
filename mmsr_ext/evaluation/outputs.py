"""Find, in a folder of outputs that another program wrote, the image that belongs to each ground truth."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import InputError
from ..io.images import is_image_name

SCALES = range(2, 17)
# what data sets add to the names of their ground truth: baby_HR_x4, img_001_SRF_4_HR
ADDED = re.compile(r'[_-](HR|GT|SRF[_-]\d+)$|[_-]?x\d+$', re.IGNORECASE)


def match_outputs(
    folder: Path, names: Iterable[str], scale: int, others: Iterable[str] = ()
) -> dict[str, Path]:
    """Find the output of each image by its name.

    An output is named as the ground truth, with or without more after it: baby.png, babyx4.png,
    baby_RCAN_x4.png. What the test sets add to names of ground truth, as in baby_HR_x4.png, may be absent.

    Args:
        folder: Folder of the outputs.
        names: Names of the ground truth, without suffix.
        scale: Chooses among outputs that differ in their scale alone.
        others: Names of images of other sets, whose outputs are not taken.

    Returns:
        Files by the names that have one.

    Raises:
        InputError: If two files could be the output of one image.
    """
    stems = {_bare(name): name for name in (*others, *names)}
    wanted = {*names}
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if not is_image_name(file):
            continue
        stem = file.stem.lower()
        fits = [base for base in stems if _continues(stem, base)]
        name = stems[max(fits, key=len)] if fits else None
        if name in wanted:
            found.setdefault(str(name), []).append(file)
    return {name: _one(files, name, scale) for name, files in found.items()}


def _bare(name: str) -> str:
    name = name.lower()
    while True:
        shorter = ADDED.sub('', name)
        if shorter == name or not shorter:
            return name
        name = shorter


def _continues(stem: str, base: str) -> bool:
    rest = stem.removeprefix(base)
    return stem.startswith(base) and (not rest or not rest[0].isalnum() or bool(re.match(r'x\d', rest)))


def _one(files: list[Path], name: str, scale: int) -> Path:
    if len(files) == 1:
        return files[0]
    for fits in (
        [file for file in files if file.stem.lower() in (name.lower(), _bare(name))],
        [file for file in files if re.search(rf'x{scale}(?!\d)', file.stem.lower())],
    ):
        if len(fits) == 1:
            return fits[0]
    raise InputError(
        f'{files[0]} and {files[1].name} could both be the output for {name}. Give a folder with one output '
        'for each image.'
    )


def places(folder: Path, set_name: str, scale: int | None) -> Iterator[tuple[int | None, Path]]:
    """Yield the folders that may hold the outputs for a set, the most specific first, with their scale.

    Args:
        folder: Given by the user: outputs, or subfolders by set, by scale (x4), or by both.
        set_name: Name of the set.
        scale: The user's; None to follow the names of folders.
    """
    scale = scale or scale_in(folder)
    own = [path for path in (folder / set_name,) if path.is_dir()]
    for number in [scale] if scale else SCALES:
        for name in (f'x{number}', f'X{number}'):
            yield from (
                (number, path)
                for path in (*(part / name for part in own), folder / name / set_name, folder / name)
                if path.is_dir()
            )
    yield from ((scale, path) for path in (*own, folder))


def scale_in(folder: Path) -> int | None:
    """Return the scale that the names of a folder and the two above it tell: results/x4, Set5_x4."""
    for part in reversed(Path(folder).absolute().parts[-3:]):
        match = re.search(r'(?:^|[_-])x(\d{1,2})(?:$|[_-])', part, re.IGNORECASE)
        if match and int(match[1]) in SCALES:
            return int(match[1])
    return None


def scale_of_names(files: Iterable[Path]) -> int | None:
    """Return the scale that all names of files end in: baby_RCAN_x4.png, babyx4.png; None without one."""
    found = {match[1] if (match := re.search(r'x(\d{1,2})$', file.stem, re.I)) else '' for file in files}
    scale = found.pop() if len(found) == 1 else ''
    return int(scale) if scale and int(scale) in SCALES else None
