"""Measure folders of finished outputs, of any program, beside or without checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..io.images import list_images, name_some, read_image
from ..registry import METRICS
from .image_sets import NAMES, full_reference, gt_folder, lpips_weights, perceptual
from .measure import Measurement, SetResult, protocol
from .outputs import match_outputs, places, scale_in, scale_of_names
from .recorder import ImageResult


@dataclass(frozen=True)
class Truth:
    """The ground truth of a set.

    Args:
        name: Name of the set.
        files: By name, without suffix.
    """

    name: str
    files: Mapping[str, Path]


def named_folders(folders: list[str], names: list[str] | None) -> dict[str, Path]:
    """Name folders for the table: by ``names``, else by their last parts.

    Raises:
        InputError: If a folder does not exist, or names are missing, equal or have another meaning.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise InputError(f'--images {folder} does not exist, or is no folder. Give a folder of outputs.')
    if names and len(names) != len(folders):
        raise InputError(
            f'{len(folders)} folders after --images have {len(names)} names after --name. Give one each.'
        )
    if not names:
        names = [Path(folder).resolve().name for folder in folders]
        if len({*names}) < len(names):
            names = ['_'.join(Path(folder).resolve().parts[-2:]) for folder in folders]
    for name in names:
        if names.count(name) > 1 or name in ('', 'GT', 'LQ', 'bicubic', 'input') or '/' in name:
            raise InputError(
                f'a folder of outputs would be called {name!r} in the table, as another row is, or what has '
                'another meaning there. Give other names with --name.'
            )
    return dict(zip(names, map(Path, folders)))


def measure_finished(
    folders: Mapping[str, Path],
    root: str,
    work_dir: str,
    scale: int | None = None,
    border: int | None = None,
    gt: str | None = None,
    lpips: str | None = None,
) -> Measurement:
    """Measure folders of outputs against the ground truth of test sets.

    Args:
        folders: By the names of their rows. Outputs, or subfolders of them by set and scale (Set5/x4).
        root: Folder with the test sets, as SET/GT or SET/HR; those with outputs are measured.
        work_dir: Folder for copies of the outputs and of the ground truth.
        scale: Output size / input size; by default it follows from names such as x4 of the folders or files.
        border: Pixels left out at each side; by default the scale.
        gt: Folder of ground truth to use in the place of ``root``.
        lpips: See ``measure``.

    Raises:
        InputError: If there is no ground truth, outputs are missing or of another size, or the scale is not
            known.
    """
    truths = _truths(root, gt)
    lpips, note = lpips_weights(lpips)
    parts: dict[tuple[str, int], SetResult] = {}
    for name, folder in folders.items():
        for truth, number, outputs in _found(folder, truths, scale, border):
            part = parts.get((truth.name, number))
            if part is None:
                label = f'{truth.name} x{number}' if number else truth.name
                edge = number if border is None else border
                metrics = [*full_reference(edge, None), *perceptual(edge, None, lpips)]
                part = parts[truth.name, number] = SetResult(
                    label, Path(work_dir) / label.replace(' ', '_'), {}, {}, protocol(metrics), border=edge
                )
            _add(part, name, outputs, truth.files, number, lpips)
    order = {truth.name: index for index, truth in enumerate(truths)}
    sets = [parts[key] for key in sorted(parts, key=lambda key: (order[key[0]], key[1]))]
    checkpoints = {name: str(folder) for name, folder in folders.items()}
    return Measurement('', checkpoints, None, sets, [note] if note else [])


def add_finished(result: Measurement, folders: Mapping[str, Path], lpips: str | None = None) -> None:
    """Measure folders of outputs on the sets that checkpoints were measured on, and add their rows.

    Args:
        result: Of the checkpoints; it is changed.
        folders: See ``measure_finished``.
        lpips: See ``measure``.

    Raises:
        InputError: If a name is taken, a folder has outputs for none of the sets, or not for all images of
            one.
    """
    lpips, _ = lpips_weights(lpips)
    truths = {
        part.name: {name: part.folder / 'GT' / f'{name}.png' for name in part.images} for part in result.sets
    }
    for name, folder in folders.items():
        if name in result.checkpoints or name == result.baseline:
            raise InputError(f'--name {name} is another row of the table. Give another name.')
        found = False
        for part in result.sets:
            outputs = _outputs(folder, Truth(part.name, truths[part.name]), [*truths.values()], part.border)
            if outputs:
                found = True
                _add(part, name, outputs, truths[part.name], part.border, lpips)
        if not found:
            raise _nothing(folder, [Truth(name, files) for name, files in truths.items()])
        result.checkpoints[name] = str(folder)


def _truths(root: str, gt: str | None) -> list[Truth]:
    if gt is not None:
        folder = Path(gt)
        name = folder.parent.name if folder.name in ('GT', 'HR') else folder.name
        return [Truth(name or 'images', {path.stem: path for path in list_images(folder)})]
    found = {name: gt_folder(Path(root), name) for name in NAMES}
    truths = [
        Truth(name, {path.stem: path for path in list_images(folder)})
        for name, folder in found.items()
        if folder is not None
    ]
    if not truths:
        raise InputError(
            f'{root} has no test set, such as {root}/Set5/GT. Give the folder of test sets with --data-root, '
            'or a folder of ground truth with --gt.'
        )
    return truths


def _found(
    folder: Path, truths: list[Truth], scale: int | None, border: int | None
) -> list[tuple[Truth, int, dict[str, Path]]]:
    """Return the sets that a folder has outputs for, with the scale of each."""
    found: dict[tuple[str, int], tuple[Truth, int, dict[str, Path]]] = {}
    everything = [truth.files for truth in truths]
    for truth in truths:
        for number, place in places(folder, truth.name, scale):
            outputs = match_outputs(place, truth.files, number or 0, _others(truth.files, everything))
            if not outputs:
                continue
            number = number or scale_of_names(outputs.values())
            if number is None and border is None:
                raise InputError(
                    f'{place} does not say its scale, whose border is left out. Give --scale 4, say, or '
                    '--border 4.'
                )
            key = (truth.name, number or 0)
            if key not in found:
                found[key] = (truth, number or 0, _complete(outputs, truth, place))
    if not found:
        raise _nothing(folder, truths)
    return list(found.values())


def _outputs(folder: Path, truth: Truth, everything: list[Mapping[str, Path]], scale: int) -> dict[str, Path]:
    for _, place in places(folder, truth.name, scale or scale_in(folder)):
        outputs = match_outputs(place, truth.files, scale, _others(truth.files, everything))
        if outputs:
            return _complete(outputs, truth, place)
    return {}


def _others(files: Mapping[str, Path], everything: list[Mapping[str, Path]]) -> list[str]:
    return [name for other in everything for name in other if name not in files]


def _complete(outputs: dict[str, Path], truth: Truth, place: Path) -> dict[str, Path]:
    missing = [name for name in truth.files if name not in outputs]
    if missing:
        raise InputError(
            f'{place} has outputs for {len(outputs)} of {len(truth.files)} images of {truth.name}; missing '
            f'are {", ".join(missing[:5])}. Add them, or give a folder with the images of --gt alone.'
        )
    return outputs


def _nothing(folder: Path, truths: list[Truth]) -> InputError:
    sets = '; '.join(f'{truth.name}: {", ".join(list(truth.files)[:3])}, ...' for truth in truths)
    return InputError(
        f'{folder} has no outputs for a test set. It holds {name_some(folder.iterdir(), 5) or "nothing"}; '
        f'expected names as those of the ground truth ({sets}), with or without more after them.'
    )


def _add(
    part: SetResult,
    name: str,
    outputs: Mapping[str, Path],
    truths: Mapping[str, Path],
    scale: int,
    lpips: str | None,
) -> None:
    """Measure the outputs for a set, and add their row, their figures and copies of the images."""
    metrics = [
        METRICS.build(metric)
        for metric in (*full_reference(part.border, None), *perceptual(part.border, None, lpips))
    ]
    for image in truths:
        gt, pred = _pair(truths[image], outputs[image], max(scale, 1))
        record = part.images.setdefault(image, ImageResult(gt.shape[0] * gt.shape[1] / 1e6))
        sample: dict[str, Any] = dict(gt_img=_tensor(gt), output=dict(pred_img=_tensor(pred)))
        for metric in metrics:
            metric.process(None, [sample])
        record.figures[name] = {metric.metric: float(metric.results[-1]) for metric in metrics}
        for method, pixels in [('GT', gt), (name, pred)]:
            file = part.folder / method / f'{image}.png'
            if method != 'GT' or not file.is_file() or file != truths[image]:
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)
    figures: dict[str, float] = {}
    for metric in metrics:
        figures |= metric.compute_metrics([float(value) for value in metric.results])
    part.figures[name] = figures


def _pair(truth: Path, output: Path, scale: int) -> tuple[Any, Any]:
    """Read ground truth and output, shape (H, W, 3); what the scale does not divide is cut off the first."""
    gt, pred = read_image(truth), read_image(output)
    height, width = pred.shape[:2]
    if not (0 <= gt.shape[0] - height < scale and 0 <= gt.shape[1] - width < scale):
        raise InputError(
            f'{output} is {height}x{width}, but its ground truth {truth} is {gt.shape[0]}x{gt.shape[1]}. '
            f'Give outputs of the same size, or less by the remainder of a division by the scale ({scale}).'
        )
    return gt[:height, :width], pred


def _tensor(pixels: Any) -> Tensor:
    """Convert (H, W, 3), RGB, to (3, H, W), BGR, in [0, 255], as restorers give it to metrics."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).flip(0).float()
