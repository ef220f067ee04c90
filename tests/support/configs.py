"""Train a config on tiny data."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmsr_ext.apis import pack_images
from support import ROOT

CONFIGS = ROOT / 'configs'
KERNELS = dict(kernel_sizes=(3, 5, 7))


def tiny_pairs(folder: Path, scale: int = 4, size: int = 48) -> dict:
    """Write three random smooth pairs; return the arguments of PairedImageDataset."""
    if not folder.exists():
        rng = np.random.default_rng(0)
        for part, edge in [('GT', size), ('LQ', size // scale)]:
            (folder / part).mkdir(parents=True)
            for index in range(3):
                pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
                Image.fromarray(pixels).resize((edge, edge), Image.Resampling.BICUBIC).save(
                    folder / part / f'{index}.png'
                )
    return dict(gt_folder=str(folder / 'GT'), lq_folder=str(folder / 'LQ'), lq_name='{}')


def tiny_store(pairs: dict) -> dict:
    """Pack the same pairs; return the arguments of PackedPairs."""
    store = Path(pairs['gt_folder']).with_name('store')
    if not store.exists():
        pack_images(pairs['gt_folder'], store, lq_folder=pairs['lq_folder'], workers=0)
    return dict(store=str(store))


def tiny_options(tmp_path: Path, scale: int = 4) -> dict:
    """Return overrides for three iterations of batch 2 on random data, with a validation at the end."""
    pairs = tiny_pairs(tmp_path / 'pairs', scale)
    loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
    return dict(
        train_dataloader=dict(loader, batch_size=2, dataset=dict(tiny_store(pairs), gt_size=32)),
        val_dataloader=dict(loader, dataset=pairs),
        test_dataloader=dict(loader, dataset=pairs),
        train_cfg=dict(max_iters=3, val_interval=3),
        default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=3)),
    )


def tiny_run(config: str | Path, tmp_path: Path, overrides: dict) -> Runner:
    """Train a config, by its name or path, for three iterations on random pairs, and validate once."""
    cfg = Config.fromfile(CONFIGS / Path(config).name)
    cfg.merge_from_dict(tiny_options(tmp_path, cfg.val_dataloader.dataset.scale))
    cfg.merge_from_dict(overrides)
    cfg.work_dir = str(tmp_path / Path(config).stem)
    cfg.experiment_name = f'{tmp_path.name}_{Path(config).stem}'  # by which the process keeps what was logged
    with DefaultScope.overwrite_default_scope(
        'mmsr_ext'
    ):  # the runner's own stays behind, for the tests that follow
        runner = Runner.from_cfg(
            Config(cfg.to_dict(), format_python_code=False)
        )  # formatting takes longer than training
        runner.train()
    return runner


def tiny_real_esrgan(name, folder):
    """Return overrides for Real-ESRGAN recipes: two-layer networks, VGG without weights, 32 px out of 48."""
    if not folder.exists():
        folder.mkdir()
        for index in range(3):
            pixels = np.random.default_rng(index).integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(pixels).resize((56, 60), Image.Resampling.BICUBIC).save(folder / f'{index}.png')
    generator = dict(_delete_=True, type='SRVGGNetCompact', mid_channels=8, num_convs=1, scale=4)
    preprocessor = dict(gt_size=32, pool_size=4, first=KERNELS, second=KERNELS, final_sinc_sizes=(3, 5, 7))
    model = dict(generator=generator, data_preprocessor=preprocessor)
    if 'realesrgan' in name:
        model |= dict(
            discriminator=dict(
                _delete_=True, type='VGGDiscriminator', mid_channels=2, patch_size=32, dense_channels=4
            ),
            perceptual_loss=dict(
                pretrained='random', layer_weights=dict(_delete_=True, conv1_2=0.1, conv2_2=0.1)
            ),
        )
    dataset = dict(_delete_=True, type='ImageDataset', gt_folder=str(folder), gt_size=48, augment=True)
    return dict(
        model=model, init_generator=None, train_dataloader=dict(dataset=dataset), randomness=dict(seed=0)
    )
