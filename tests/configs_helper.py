"""Training our configs on next to nothing."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image

CONFIGS = Path(__file__).parents[1] / 'configs'


def write_pairs(folder: Path, size: int = 48, scale: int = 4, count: int = 3) -> dict:
    """Random images; returns the arguments of PairedImageDataset for them."""
    rng = np.random.default_rng(0)
    for name, edge in [('GT', size), ('LQ', size // scale)]:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(rng.integers(0, 256, (edge, edge, 3), np.uint8)).save(folder / name / f'{index}.png')
    return dict(gt_folder=str(folder / 'GT'), lq_folder=str(folder / 'LQ'), lq_name='{}', scale=scale)


def tiny_run(config_path: str | Path, tmp_path: Path, overrides: dict) -> Runner:
    """Train a config for 3 iterations of batch 2 on random pairs, validate once, and return the runner.

    Args:
        config_path: Name of a file in configs/, or a path.
        tmp_path: Where data and results go.
        overrides: By dotted key, such as {'model.generator.mid_channels': 4}; they win over what this function sets.
    """
    cfg = Config.fromfile(CONFIGS / config_path)
    cfg.merge_from_dict({
        'train_cfg.max_iters': 3,
        'train_cfg.val_interval': 3,
        'default_hooks.logger.interval': 1,
        'train_dataloader.dataset.gt_size': 32,
        'train_dataloader.batch_size': 2,
    })
    for name in ('train_dataloader', 'val_dataloader'):
        pairs = write_pairs(tmp_path / name, scale=cfg[name].dataset.scale)
        cfg.merge_from_dict({name: dict(num_workers=0, persistent_workers=False, pin_memory=False, dataset=pairs)})
    cfg.merge_from_dict(overrides)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.work_dir = str(tmp_path / 'run')
    cfg.experiment_name = tmp_path.name  # the runner keeps its logs by this name, for the whole process
    with DefaultScope.overwrite_default_scope('mmsr_ext'):  # the runner's own stays behind, for the tests that follow
        runner = Runner.from_cfg(Config(cfg.to_dict(), format_python_code=False))  # formatting takes longer than training
        runner.train()
    return runner
