"""Measuring checkpoints side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.checkpoint import check_fits, generator_weights, own_names
from ..errors import InputError
from .comparison import save_comparison
from .config import load_config, start_processes

# A test neither needs these nor the weights that some of them download.
TRAINING_ONLY = {'discriminator', 'gan_loss', 'pixel_loss', 'perceptual_loss', 'extra_losses', 'gradient_penalty'}


def evaluate(config: str,
             checkpoints: list[str],
             work_dir: str | None = None,
             out: str | None = None,
             options: dict[str, Any] | None = None,
             launcher: str = 'none',
             raw: bool = False) -> dict[str, dict[str, float]]:
    """Measure checkpoints of one architecture on a config's test set, with the baseline beside them that the config has.

    Prints a table, and leaves every output and a comparison picture in ``work_dir/test``.

    Args:
        config (str): Path of the config.
        checkpoints (list[str]): Files that hold the weights of the config's generator.
        work_dir (str, optional): ``work_dirs/<name of the config>`` by default.
        out (str, optional): A JSON file for the figures.
        options (dict, optional): Overrides of config keys.
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.
        raw (bool): Measure the trained weights also where a checkpoint has their average, which else is preferred.

    Returns:
        dict: Metric by name by method.

    Raises:
        InputError: For a config, data or checkpoint that cannot be used.
    """
    weights = {name: generator_weights(path, raw) for name, path in zip(_names_of(checkpoints), checkpoints)}
    cfg = load_config(config, options, work_dir)
    start_processes(cfg, launcher)
    cfg.load_from, cfg.resume = None, False
    cfg.custom_hooks = []
    cfg.log_level = 'WARNING'  # the table says it all
    for part in TRAINING_ONLY & cfg.model.keys():
        cfg.model[part] = None
    if cfg.get('test_dataloader') is None:
        raise InputError(f'{config} has no test_dataloader; add one, such as test_dataloader = val_dataloader.')
    runner = Runner.from_cfg(cfg)
    pictures = Path(cfg.work_dir) / 'test'
    model = getattr(runner.model, 'module', runner.model)
    generator, baseline = model.generator, model.baseline
    recorder = _Recorder(pictures, baseline)
    runner.register_hook(recorder, 'LOWEST')
    table: dict[str, dict[str, float]] = {}
    for (name, state), path in zip(weights.items(), checkpoints):
        state = own_names(generator, state)
        check_fits(generator, state, path)
        generator.load_state_dict(state)
        recorder.method = name
        runner.test()
        prefix = f'{baseline}/'
        figures = {key.removeprefix(prefix): value for key, value in recorder.metrics.items() if key.startswith(prefix)}
        if figures:
            table[baseline] = figures
        table[name] = {key: value for key, value in recorder.metrics.items() if not key.startswith(prefix)}
    if is_main_process():
        print(format_table(table, f'{_protocol(cfg.test_evaluator)}; {sum(map(len, _test_sets(runner)))} images'))
        print(f'outputs: {pictures}')
        if recorder.images:
            print(f'comparison: {save_comparison(pictures, list(table), recorder.images)}')
        if out:
            Path(out).write_text(json.dumps(table, indent=2))
    return table


def format_table(table: dict[str, dict[str, float]], title: str) -> str:
    """Lay out metric by name by method as text, a row a method; PSNR in dB."""
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    first = max(len(name) for name in table)
    lines = [title, ' ' * first + ''.join(f'  {name:>9}' for name in columns)]
    for name, row in table.items():
        cells = (f'{row[column]:.{2 if "PSNR" in column else 4}f}' if column in row else '-' for column in columns)
        lines.append(f'{name:<{first}}' + ''.join(f'  {cell:>{max(9, len(column))}}' for cell, column in zip(cells, columns)))
    return '\n'.join(lines)


class _Recorder(Hook):
    """Keeps the metrics of a test, and saves its outputs as work_dir/test/<method>/<image>.png."""

    def __init__(self, folder: Path, baseline: str | None) -> None:
        self.folder = folder
        self.baseline = baseline
        self.method = ''
        self.metrics: dict[str, float] = {}
        self.images: list[str] = []

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        for sample in outputs:
            name = sample.get('key', Path(sample.gt_path).stem).replace('/', '_')
            if name not in self.images:
                self.images.append(name)
            pictures = {self.method: sample.output.pred_img, 'GT': sample.gt_img}
            if self.baseline:
                pictures[self.baseline] = sample.output.get(f'{self.baseline}_img')
            for method, image in pictures.items():
                (self.folder / method).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(self.folder / method / f'{name}.png'), image.cpu().byte().permute(1, 2, 0).numpy())

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self.metrics = {name: float(value) for name, value in (metrics or {}).items()}


def _test_sets(runner: Runner) -> list[Any]:
    return [loader.dataset for loader in getattr(runner.test_loop, 'dataloaders', [runner.test_dataloader])]


def _protocol(evaluators: dict | list[dict]) -> str:
    groups = [evaluator['metrics'] for evaluator in ([evaluators] if isinstance(evaluators, dict) else evaluators)]
    metrics = [metric for group in groups for metric in ([group] if isinstance(group, dict) else group)]
    borders = sorted({str(metric.get('crop_border', 0)) for metric in metrics})
    luma = ', Y of BT.601 (16 to 235)' if any(metric.get('convert_to') == 'Y' for metric in metrics) else ''
    return f'outputs rounded to 8 bit, border of {" or ".join(borders)} px left out{luma}'


def _names_of(paths: list[str]) -> list[str]:
    """The files' stems, or their folders' names where stems are equal: runs of different configs have equal file names."""
    stems = [Path(path).stem for path in paths]
    names = [Path(path).parent.name if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems)]
    for name, path in zip(names, paths):
        if names.count(name) > 1 or name in ('bicubic', 'input', 'GT'):
            raise InputError(f'checkpoint {path} would be called {name!r} in the table, as another row is. Link it under another name.')
    return names
