"""MMagic's own configs train with the changes that docs/from_mmagic.md prescribes, and its tables leave no
key out."""

import inspect
import re
from pathlib import Path

import mmagic.models as mmagic
import numpy as np
import pytest
import torch
from mmagic.models.editors import ESRGAN, SRGAN, RealESRGAN
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmsr_ext.models import AdversarialLoss, GANRestorer, PerceptualLoss

DOC = (Path(__file__).parents[2] / 'docs' / 'from_mmagic.md').read_text()
FOLDER = Path(mmagic.__file__).parents[1] / '.mim/configs'
SECTIONS = dict(re.findall(r'^## (.+?)\n(.+?)(?=^## |\Z)', DOC, re.MULTILINE | re.DOTALL))
NETWORKS = {
    'model.generator.mid_channels': 4,
    'model.generator.num_blocks': 1,
    'model.discriminator.mid_channels': 4,
    'model.perceptual_loss': None,  # it would be downloaded
}
RRDB = {'model.generator.growth_channels': 4}
ADVERSARIAL = {'loss_pix', 'loss_gan', 'loss_d_real', 'loss_d_fake'}


def documented(section: str, folder: Path) -> Config:
    """The config file in a section of the document, as a user would save it."""
    (code,) = re.findall(r'```python\n(.+?)```', SECTIONS[section], re.DOTALL)
    path = folder / 'config.py'
    path.write_text(code)
    return Config.fromfile(path)


def write_images(folder: Path, size: int) -> None:
    folder.mkdir()
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (size // 4, size // 4, 3), np.uint8)
        Image.fromarray(pixels).resize((size, size)).save(folder / f'{index}.png')


def shrink_pipeline(pipeline: list) -> None:
    """MMagic's pipeline of Real-ESRGAN, for crops of 64 px and patches of 32 px."""
    for step in pipeline:
        if isinstance(step, list):
            shrink_pipeline(step)
        elif step.type == 'Crop':
            step.crop_size = (64, 64)
        elif step.type == 'PairedRandomCrop':
            step.gt_patch_size = 32
        elif step.type == 'RandomResize' and 'target_size' in step.params:
            step.params.target_size = (16, 16)
        elif step.type == 'DegradationsWithShuffle':
            shrink_pipeline(step.degradations)


def train(cfg: Config, folder: Path, gt_size: int, overrides: dict) -> Runner:
    """Three iterations and a validation on random images, through the stock runner."""
    write_images(folder / 'gt', gt_size)
    write_images(folder / 'lq', gt_size // 4)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.num_workers = 0
        loader.dataset.update(data_root=str(folder), data_prefix=dict(gt='gt', img='lq'), ann_file='')
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key, None)
    cfg.merge_from_dict(
        {
            'train_dataloader.batch_size': 2,
            'train_cfg.max_iters': 3,
            'train_cfg.val_interval': 3,
            'default_hooks.checkpoint.out_dir': str(folder),
            'default_hooks.logger.interval': 1,
            'work_dir': str(folder / 'run'),
            'experiment_name': folder.name,
        }
        | overrides
    )
    with DefaultScope.overwrite_default_scope(
        'mmagic'
    ):  # the runner's own stays behind, for the tests that follow
        runner = Runner.from_cfg(
            Config(cfg.to_dict(), format_python_code=False)
        )  # formatting takes longer than training
        assert type(runner.model) is GANRestorer
        start = {name: value.clone() for name, value in runner.model.named_parameters()}
        runner.train()
    still = [name for name, value in runner.model.named_parameters() if torch.equal(value, start[name])]
    assert len(still) < len(start) / 10, still  # but for a bias that batch normalisation takes off again
    return runner


def losses(runner: Runner) -> set:
    scalars = runner.message_hub.log_scalars
    assert all(np.isfinite(scalars[key].current()) for key in scalars)
    assert 'val/PSNR' in scalars
    return {key.removeprefix('train/') for key in scalars if key.startswith('train/') and 'loss' in key}


def test_srgan(tmp_path):
    cfg = documented('SRGAN', tmp_path)
    runner = train(cfg, tmp_path, 128, NETWORKS)
    assert losses(runner) == ADVERSARIAL


@pytest.mark.parametrize(
    ('section', 'file', 'kind'),
    [
        ('SRGAN', 'srgan_resnet/srgan_x4c64b16_1xb16-1000k_div2k.py', 'SRGAN'),
        ('Real-ESRGAN', 'real_esrgan/realesrgan_c64b23g32_4xb12-lr1e-4-400k_df2k-ost.py', 'RealESRGAN'),
        ('Real-ESRNet', 'real_esrgan/realesrnet_c64b23g32_4xb12-lr2e-4-1000k_df2k-ost.py', 'RealESRGAN'),
    ],
)
def test_the_type_alone_changes(section, file, kind, tmp_path):
    cfg = documented(section, tmp_path)
    theirs = Config.fromfile(FOLDER / file)
    assert cfg.model.pop('type') == 'mmsr_ext.GANRestorer'
    assert theirs.model.pop('type') == kind
    assert cfg.pop('custom_imports')
    assert without_scope(cfg.to_dict()) == theirs.to_dict()


@pytest.mark.parametrize(
    ('file', 'networks'),
    [
        (
            'srcnn/srcnn_x4k915_1xb16-1000k_div2k.py',
            {'model.generator.channels': (3, 4, 4, 3), 'model.generator.kernel_sizes': (3, 1, 3)},
        ),
        (
            'edsr/edsr_x4c64b16_1xb16-300k_div2k.py',
            {'model.generator.mid_channels': 4, 'model.generator.num_blocks': 1},
        ),
        (
            'rdn/rdn_x4c64b16_1xb16-1000k_div2k.py',
            {
                'model.generator.mid_channels': 4,
                'model.generator.num_blocks': 1,
                'model.generator.channel_growth': 4,
                'model.generator.num_layers': 2,
            },
        ),
    ],
)
def test_bodies_with_another_type(file, networks, tmp_path):
    """BaseEditModel's configs train and are validated with model.type swapped, nothing else."""
    cfg = Config.fromfile(FOLDER / file)
    assert cfg.model.type == 'BaseEditModel'
    cfg.model.type = 'mmsr_ext.GANRestorer'
    assert losses(train(cfg, tmp_path, 256, networks)) == {'loss_pix', 'loss'}


def without_scope(value):
    """Without the names of MMagic's scope, which inheriting from another package adds."""
    if isinstance(value, dict):
        return {key: without_scope(item) for key, item in value.items() if key != '_scope_'}
    return type(value)(map(without_scope, value)) if isinstance(value, (list, tuple)) else value


def test_esrgan(tmp_path):
    cfg = documented('ESRGAN', tmp_path)
    runner = train(cfg, tmp_path, 128, NETWORKS | RRDB | {'model.generator.init_cfg': None})
    assert losses(runner) == ADVERSARIAL
    assert runner.model.gan_loss.relativistic == 'average'


def test_real_esrgan(tmp_path, monkeypatch):
    cfg = documented('Real-ESRGAN', tmp_path)
    batches = []
    step = GANRestorer._adversarial_step
    monkeypatch.setattr(
        GANRestorer,
        '_adversarial_step',
        lambda self, lq, targets, *args: batches.append((lq, targets)) or step(self, lq, targets, *args),
    )
    shrink_pipeline(cfg.train_dataloader.dataset.pipeline)
    runner = train(cfg, tmp_path, 64, NETWORKS | RRDB)
    assert losses(runner) == ADVERSARIAL
    transforms = runner.train_dataloader.dataset.pipeline.transforms
    usm = [transform for transform in transforms if hasattr(transform, '_unsharp_masking')][-1]
    for lq, targets in batches:
        assert lq.shape == (2, 3, 8, 8)
        assert torch.equal(targets.pixel, targets.perceptual)
        for sharpened, image in zip(targets.pixel, targets.real):
            pixels = (image * 255).round().permute(1, 2, 0).numpy()
            expected = usm._unsharp_masking(pixels).transpose(2, 0, 1) / 255
            np.testing.assert_allclose(sharpened.numpy(), expected, rtol=0, atol=1e-5)
            assert not torch.equal(sharpened, image)
    average, trained = runner.model.generator_ema, runner.model.generator
    for one, other in zip(average.parameters(), trained.parameters(), strict=True):
        assert not torch.equal(one, other)


def test_real_esrnet(tmp_path):
    cfg = documented('Real-ESRNet', tmp_path)
    shrink_pipeline(cfg.train_dataloader.dataset.pipeline)
    networks = {key: value for key, value in NETWORKS.items() if 'generator' in key}
    runner = train(cfg, tmp_path, 64, networks | RRDB)
    assert losses(runner) == {'loss_pix', 'loss'}


def rows(section: str) -> list[tuple[str, str]]:
    """The cells of the table in a section."""
    return re.findall(r'^\| (.+?) \| (.+?) \|$', SECTIONS[section].split('| --- | --- |')[1], re.MULTILINE)


def names(cell: str) -> list[str]:
    """What a cell quotes, up to the first of =, ( and a dot."""
    return [re.split(r'[=(.]', quoted)[0] for quoted in re.findall(r'`(.+?)`', cell)]


def parameters(*classes: type) -> set:
    return {name for kind in classes for name in list(inspect.signature(kind.__init__).parameters)[1:]}


@pytest.mark.parametrize(
    ('section', 'theirs', 'ours'),
    [
        ('Keys of the model', (SRGAN, ESRGAN, RealESRGAN), GANRestorer),
        ('Keys of GANLoss', (mmagic.GANLoss,), AdversarialLoss),
        ('Keys of PerceptualLoss', (mmagic.PerceptualLoss,), PerceptualLoss),
    ],
)
def test_tables_are_complete(section, theirs, ours):
    table = rows(section)
    left = {names(cell)[0] for cell, _ in table if names(cell)}
    expected = parameters(*theirs) - {'args', 'kwargs'}
    assert expected - left == set()
    assert left - expected <= {'model_wrapper_cfg'}
    for _, cell in table:
        for name in names(cell)[:1]:
            assert name in parameters(ours) | {
                'model_wrapper_cfg',
                'gt_unsharp',
                'gan_gt_img',
                'configs/realesrgan_x4',
            }
