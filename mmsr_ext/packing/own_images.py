"""Prepare a training run on one's own images: pack them, hold some out, and write a config."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from ..config.load import config_file, load_config
from ..datasets.pairs import find_pairs
from ..datasets.store import Store
from ..errors import InputError
from ..io.atomic import write_text
from ..io.images import check_image, name_all, named_images
from ..tool_names import tool
from .choices import Choices, choose
from .make_pairs import make_pairs
from .own_config import config_text
from .pack import Packed, pack_images

HELD_OUT = 20  # images of validation at most, one in ten
SHOWN = 512  # px of an image that validation takes, from its middle


class Prepared(NamedTuple):
    """The result of ``prepare``.

    Args:
        packed: What the store has.
        held_out: Number of images that are held out for validation.
        choices: What was chosen for this machine and these images.
    """

    packed: Packed
    held_out: int
    choices: Choices


def prepare(
    recipe: str,
    out: str | Path,
    gt: str | Path,
    lq: str | Path | None = None,
    lq_name: str = '{}',
    data: str | Path | None = None,
    start: str | None = None,
    pad: bool = False,
    workers: int | None = None,
) -> Prepared:
    """Pack one's own images, hold some out, and write a config that trains a recipe on them.

    One image in ten, at most 20, spread over the folder, is held out. What is done already is not repeated,
    so that an interrupted call is repeated to go on.

    Args:
        recipe: Name of a config of the package, 'srgan_x4', or a config file that trains on ``PackedPairs``.
        out: Config to write, which must not exist.
        gt: Folder of sharp images, or a pattern of folders.
        lq: Folder of their low-quality images, where bicubic should not make them; a recipe of scale 1 needs
            them.
        lq_name: See ``pack_images``.
        data: Folder for the packed images and the pairs of validation; ``data/<name of the config>`` by
            default.
        start: Checkpoint from which the generator starts; by default the recipe's, where it is there.
        pad: Pad images that are smaller than the crops in place of leaving them out.
        workers: Processes that pack; by default one a core.

    Returns:
        What was packed and chosen.

    Raises:
        InputError: If the recipe, an image or a folder cannot be used, or ``out`` exists.
    """
    out = Path(out)
    if out.suffix != '.py' or not out.stem.isidentifier():
        raise InputError(f'{out} must be named as a config: letters, digits and _, then .py, such as my.py.')
    if out.exists():
        raise InputError(f'{out} exists already. Choose another name, or train it: {tool("train")} {out}')
    if start is not None and not Path(start).is_file():
        raise InputError(f'--from {start} does not exist. Give a checkpoint, or leave it out.')
    cfg = load_config(recipe)
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    if dataset.get('type') != 'PackedPairs' or not cfg.get('val_dataloader'):
        raise InputError(f'{recipe} does not train on PackedPairs; write its config by hand (docs/train.md).')
    scale, val_scale = dataset.get('scale'), cfg.val_dataloader.dataset.get('scale', 1)
    if val_scale == 1 and lq is None:
        raise InputError(
            f'{recipe} restores images without enlarging them: it needs a blurred image for each sharp one. '
            'Add --lq FOLDER.'
        )
    files = _files(gt, lq, lq_name)
    sizes = _sizes({name: pair[-1] for name, pair in files.items()})
    choices = choose(cfg, list(sizes.values()), pad)
    large = [name for name, size in sizes.items() if min(size) >= choices.store_crop]
    count = max(1, min(HELD_OUT, round(len(files) / 10)))
    if len(large) <= count and not (pad and len(files) > count):
        raise InputError(
            f'{gt} has {len(large)} images of {choices.store_crop} px or more in height and width, out of '
            f'{len(files)}; at least {count + 1} are needed. Add images, or pad small ones with --pad.'
        )
    held = (large or list(sizes))[:: max(1, len(large or sizes) // count)][:count]
    kept = {name: pair for name, pair in files.items() if name not in held}
    folder = Path(data) if data is not None else Path('data', out.stem)
    made = scale if lq is None else None
    given = {name: pair[0] for name, pair in kept.items()} if lq is not None and scale else None
    packed = _pack(
        {name: pair[-1] for name, pair in kept.items()}, folder / 'train', made, given, choices, pad, workers
    )
    _hold_out({name: files[name] for name in held}, folder / 'val', val_scale)
    out.parent.mkdir(parents=True, exist_ok=True)
    base = _base(recipe, out)
    write_text(out, config_text(cfg, base, recipe, gt, folder, packed, held, choices, start, SHOWN))
    return Prepared(packed, len(held), choices)


def _files(gt: str | Path, lq: str | Path | None, lq_name: str) -> dict[str, tuple[Path, ...]]:
    if lq is None:
        return {'_'.join(name): (path,) for name, path in named_images(gt).items()}
    return {'_'.join(name): pair for name, pair in find_pairs(str(gt), str(lq), lq_name).items()}


def _sizes(files: dict[str, Path]) -> dict[str, tuple[int, int]]:
    """Return height and width of the images, all of which training must be able to read."""

    def size(path: Path) -> tuple[int, int] | str:
        try:
            return check_image(path)
        except InputError as error:
            return str(error)

    with ThreadPoolExecutor() as pool:
        found = dict(zip(files, pool.map(size, files.values())))
    bad = [each for each in found.values() if isinstance(each, str)]
    if bad:
        title = f'{len(bad)} of {len(files)} images cannot be taken:'
        raise InputError(name_all(bad, title, 'Nothing was written. Move them away and repeat the command.'))
    return {name: each for name, each in found.items() if not isinstance(each, str)}


def _pack(
    files: dict[str, Path],
    store: Path,
    scale: int | None,
    lq: dict[str, Path] | None,
    choices: Choices,
    pad: bool,
    workers: int | None,
) -> Packed:
    if not store.exists():
        return pack_images(files, store, scale, lq, workers=workers, min_size=choices.store_crop, pad=pad)
    there = Store(store)
    names = {there.name(number) for number in range(len(there))}
    if not names <= files.keys():
        raise InputError(
            f'{store} has other images, such as {min(names - files.keys())}. Remove it, or choose another '
            'folder with --data FOLDER.'
        )
    return Packed(len(there), sum(there.lengths.values()), 0, len(files) - len(there))


def _hold_out(files: dict[str, tuple[Path, ...]], folder: Path, scale: int) -> None:
    """Write pairs of validation; the folder is there when they are complete."""
    if folder.exists():
        return
    partial = folder.with_name('.val.partial')
    shutil.rmtree(partial, ignore_errors=True)
    if scale > 1 and all(len(pair) == 1 for pair in files.values()):
        make_pairs({name: pair[0] for name, pair in files.items()}, partial, scale, SHOWN)
    else:
        for name, pair in files.items():
            for part, path in zip((f'LQx{scale}', 'GT'), pair):
                (partial / part).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, partial / part / f'{name}{path.suffix}')
    partial.rename(folder)


def _base(recipe: str, out: Path) -> str:
    """Return how the config names its recipe."""
    file = Path(config_file(recipe))
    if not Path(recipe).exists() and _installed():
        return f'mmsr_ext::{file.name}'
    return os.path.relpath(file, out.parent)


def _installed() -> bool:
    """Return whether MMEngine finds the configs of this package by its name."""
    try:
        metadata.distribution('mmsr_ext')
    except metadata.PackageNotFoundError:
        return False
    return True
