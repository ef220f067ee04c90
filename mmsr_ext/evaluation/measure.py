"""Measuring checkpoints side by side, on several sets of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config.borders import resolve_borders
from ..config.checked_runner import CheckedRunner
from ..config.checks import check_loaders
from ..config.load import load_config
from ..config.one_channel import leave_out_rgb
from ..config.sections import section
from ..engine.distributed.launch import join_processes
from ..engine.stock import unwrapped
from ..errors import InputError
from ..weights import check_fits, generator_weights, rename_to
from .checks import check_images
from .image_sets import (
    ImageSet,
    benchmark_sets,
    folder_of,
    is_missing,
    lpips_weights,
    metrics_of,
    named_apart,
    own_sets,
    perceptual,
    scale_and_channels,
    with_own_metrics,
)
from .recorder import ImageResult, Recorder
from .tested_model import baseline_in, drop_training_parts, generators_of, is_restorer

TIMES = ('s/image', 'MP/s')


@dataclass
class SetResult:
    """What was measured on one set of images.

    Args:
        name: Of the set.
        folder: Holds <method>/<image>.png, also of GT and where it is another image than the baseline of LQ.
        figures: Metric by name by method, the baseline first; the mean over the images.
        images: By name, in order.
        protocol: How PSNR and SSIM were measured.
        note: How the LQ images came to be.
        border: Pixels left out at each side of an image.
    """

    name: str
    folder: Path
    figures: dict[str, dict[str, float]]
    images: dict[str, ImageResult]
    protocol: str
    note: str = ''
    border: int = 0


@dataclass
class Measurement:
    """The result of a test.

    Args:
        config: Path of the config; '' without one.
        checkpoints: Paths of checkpoints, or folders of outputs, by the names of the table's rows.
        baseline: Name of the row of the degraded images.
        sets: What was measured.
        notes: What was left out, and why.
    """

    config: str
    checkpoints: dict[str, str]
    baseline: str | None
    sets: list[SetResult]
    notes: list[str] = field(default_factory=list)

    @property
    def table(self) -> dict[str, dict[str, float]]:
        """Return metric by name by method, over all sets, without times."""
        table: dict[str, dict[str, float]] = {}
        for part in self.sets:
            for method, figures in part.figures.items():
                metrics = {name: value for name, value in figures.items() if name not in TIMES}
                table.setdefault(method, {}).update(metrics)
        return table


def measure(
    config: str,
    checkpoints: list[str],
    work_dir: str | None = None,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
    raw: bool = False,
    benchmarks: str | None = None,
    lpips: str | None = None,
) -> Measurement:
    """Measure checkpoints of one architecture, with the baseline beside them that the config has.

    Leaves every output in ``work_dir/test/<method>``, those for a benchmark set in
    ``work_dir/test/<set>/<method>``.

    Args:
        config: Path of the config.
        checkpoints: Files that hold the weights of the config's generator.
        work_dir: ``work_dirs/<name of the config>`` by default.
        options: Overrides of config keys.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        raw: Measure the trained weights also where a checkpoint has their average, which else is preferred.
        benchmarks: A folder with benchmark sets, see ``benchmark_sets``; they are measured before the
            config's own test data, with LPIPS and NIQE. Without it, the own data alone are, by the config's
            metrics alone.
        lpips: File with torchvision's AlexNet weights for LPIPS.

    Returns:
        In every process.

    Raises:
        InputError: For a config, data or checkpoint that cannot be used.
    """
    weights = {name: generator_weights(path, raw) for name, path in zip(_names_of(checkpoints), checkpoints)}
    cfg = load_config(config, options, work_dir)
    left_out = leave_out_rgb(cfg)
    join_processes(cfg, launcher)
    if cfg.get('test_dataloader') is None:
        raise InputError(
            f'{config} has no test_dataloader; add one, such as test_dataloader = val_dataloader.'
        )
    _without_training(cfg)
    baseline = baseline_in(cfg)
    check_loaders(cfg, 'test_dataloader')
    resolve_borders(cfg, lambda: scale_and_channels(cfg)[0])
    with section(cfg, 'test_dataloader or test_evaluator'):
        sets, notes = (
            (own_sets(cfg), []) if benchmarks is None else _all_sets(cfg, benchmarks, baseline, lpips)
        )
        sets = with_own_metrics(named_apart(sets))
    if left_out:
        notes = [*notes, f'{" and ".join(left_out)} left out: the images have one channel']
    clash = {'GT', 'LQ', *(image_set.name for image_set in sets if image_set.prefix)} & weights.keys()
    if clash:
        raise InputError(
            f'a checkpoint would be called {min(clash)!r} in the table, which has another meaning there. '
            'Link it under another name.'
        )
    cfg.test_dataloader, cfg.test_evaluator = (
        [getattr(each, part) for each in sets] for part in ('loader', 'evaluator')
    )
    runner = CheckedRunner.from_cfg(cfg)
    generators = generators_of(unwrapped(runner.model), config)
    loop = runner.test_loop
    check_images(cfg, 'test_dataloader', loop.dataloaders, loop.evaluators)
    own = sum(not image_set.prefix for image_set in sets)
    folder = Path(cfg.work_dir)
    folders = [folder if own == 1 and not image_set.prefix else folder / image_set.name for image_set in sets]
    recorder = Recorder(generators, folders, baseline)
    runner.register_hook(recorder, 'LOWEST')
    for (name, state), path in zip(weights.items(), checkpoints):
        state = rename_to(generators[0], state)
        check_fits(generators[0], state, path)
        for generator in generators:
            generator.load_state_dict(state)
        recorder.method = name
        runner.test()
    recorder.gather()
    results = [
        SetResult(
            image_set.name,
            folders[index],
            _figures(recorder, index, image_set, list(weights), baseline),
            recorder.images[index],
            protocol(metrics_of(image_set.evaluator), loop.evaluators[index].metrics),
            image_set.note,
            max((metric.get('crop_border', 0) for metric in metrics_of(image_set.evaluator)), default=0),
        )
        for index, image_set in enumerate(sets)
    ]
    return Measurement(config, dict(zip(weights, checkpoints)), baseline, results, notes)


def _without_training(cfg: Config) -> None:
    """Remove what a test does not use from a config, and send its logs to work_dir/test."""
    cfg.load_from, cfg.resume = None, False
    cfg.custom_hooks = []
    cfg.log_level = 'WARNING'  # the table says it all
    cfg.work_dir = str(Path(cfg.work_dir) / 'test')
    cfg.test_cfg = {**(cfg.get('test_cfg') or {}), 'type': 'MultiTestLoop'}
    drop_training_parts(cfg)
    if 'cudnn_benchmark' in cfg.get('env_cfg', {}):
        cfg.env_cfg.cudnn_benchmark = (
            False  # each size of image would be timed with the search for its algorithms
        )


def _all_sets(
    cfg: Config, root: str, baseline: str | None, lpips: str | None
) -> tuple[list[ImageSet], list[str]]:
    own = own_sets(cfg)
    lpips, note = lpips_weights(lpips)
    scale, channels, notes = _scale(cfg)
    sets, absent = benchmark_sets(root, scale, baseline, lpips, channels) if scale > 1 else ([], [])
    if absent:
        notes.append(
            f'absent: {", ".join(absent)} (looked for {root}/SET/GT, with or without {root}/SET/LQx{scale})'
        )
    if len(own) == 1 and isinstance(own[0].evaluator, dict):
        metrics = own[0].evaluator['metrics']
        metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
        known = {metric['type'].rpartition('.')[2] for metric in metrics}
        border = max(metric.get('crop_border', 0) for metric in metrics)
        metrics += [
            metric
            for metric in perceptual(border, baseline, lpips, channels=channels)
            if metric['type'].rpartition('.')[2] not in known
        ]
        own[0].evaluator['metrics'] = metrics
    folders = {Path(folder_of(image_set) or '').resolve() for image_set in own}
    sets = [
        each for each in sets if Path(folder_of(each) or '').resolve() not in folders
    ]  # once, by the config's own metrics
    missing = [image_set for image_set in own if is_missing(image_set)]
    if missing and (sets or len(missing) < len(own)):  # else the dataset says what to do
        notes += [
            f"absent: {each.name}, the config's test data ({folder_of(each)})"
            for each in missing
            if each.name not in absent
        ]
        own = [image_set for image_set in own if image_set not in missing]
    return sets + own, notes + ([note] if note else [])


def _scale(cfg: Config) -> tuple[int, int, list[str]]:
    """Return scale, channels, and a note where another's generator does not map one image to one."""
    try:
        return *scale_and_channels(cfg), []
    except Exception as error:  # such a generator may take a sequence, or a reference beside the image
        if is_restorer(cfg):
            raise
        reason = (str(error).splitlines() or [''])[0]
        return (
            1,
            3,
            [
                'benchmark sets left out: the generator does not take a single image '
                f'({type(error).__name__}: {reason})'
            ],
        )


def _figures(
    recorder: Recorder, index: int, image_set: ImageSet, methods: list[str], baseline: str | None
) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {baseline: {}} if baseline else {}
    for method in methods:
        table[method] = {}
        for name, value in recorder.metrics[method, index].items():
            name = name.removeprefix(f'{image_set.prefix}/').removeprefix(f'{image_set.label}/')
            of_baseline = baseline and name.startswith(f'{baseline}/')
            table[str(baseline) if of_baseline else method][name.removeprefix(f'{baseline}/')] = value
        images = recorder.images[index].values()
        seconds = sum(image.seconds[method] for image in images)
        if seconds:
            table[method] |= dict(
                zip(TIMES, (seconds / len(images), sum(image.megapixels for image in images) / seconds))
            )
    return {method: figures for method, figures in table.items() if figures}


def protocol(metrics: list[Any], built: Sequence[Any] = ()) -> str:
    """Describe how the metrics of a set are computed, from their configs.

    Args:
        metrics: Their configs.
        built: The metrics themselves; those of other packages take the outputs as they are.
    """
    borders = sorted({str(metric.get('crop_border', 0)) for metric in metrics})
    luma = ', Y of BT.601 (16 to 235)' if any(metric.get('convert_to') == 'Y' for metric in metrics) else ''
    others = sorted({type(one).__name__ for one in built if not type(one).__module__.startswith('mmsr_ext.')})
    rounded = 'outputs rounded to 8 bit'
    if others:
        own = any(type(one).__module__.startswith('mmsr_ext.') for one in built)
        rounded = f'{rounded}, not for {", ".join(others)}' if own else 'outputs not rounded'
    return f'{rounded}, border of {" or ".join(borders)} px left out{luma}'


def _names_of(paths: list[str]) -> list[str]:
    """Name checkpoints by their stems, or by their folders where stems are equal."""
    stems = [Path(path).stem for path in paths]
    names = [Path(path).parent.name if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems)]
    for name, path in zip(names, paths):
        if names.count(name) > 1 or name in ('bicubic', 'input', 'GT'):
            raise InputError(
                f'checkpoint {path} would be called {name!r} in the table, as another row is. Link it under '
                'another name.'
            )
    return names
