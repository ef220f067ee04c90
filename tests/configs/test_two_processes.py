"""Recipes of every kind in two processes: relativistic, with a pool of degradations, with a gradient
penalty."""

import pytest
import torch
from mmengine.config import Config
from support.configs import CONFIGS, tiny_options, tiny_real_esrgan
from support.runs import free_port, ranks

from mmsr_ext.apis import train

pytestmark = pytest.mark.forks


def overrides(name, tmp_path):
    if name == 'esrgan_x4':
        return dict(
            model=dict(
                generator=dict(mid_channels=8, num_blocks=1, growth_channels=4, init_cfg=None),
                discriminator=dict(mid_channels=4, patch_size=32, dense_channels=8),
                perceptual_loss=dict(pretrained='random'),
            )
        )
    if name == 'realesrgan_x4':
        return tiny_real_esrgan(name, tmp_path / 'gt_only')
    return dict(
        model=dict(
            generator=dict(mid_channels=4, num_blocks=1),
            discriminator=dict(mid_channels=2, num_layers=1),
            perceptual_loss=dict(pretrained='random'),
        )
    )


@pytest.mark.parametrize('name', ['esrgan_x4', 'realesrgan_x4', 'deblurgan_gopro'])
def test_both_learn_the_same_from_different_data(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    cfg.merge_from_dict(tiny_options(tmp_path, cfg.val_dataloader.dataset.scale))
    cfg.merge_from_dict(overrides(name, tmp_path))
    cfg.train_dataloader.batch_size = 1
    path = tmp_path / f'two_{name}_{tmp_path.name}.py'
    cfg.dump(path)

    def call(rank):
        runner = train(str(path), str(tmp_path / 'run'), launcher='pytorch')
        seen = runner.train_loop.dataloader.sampler
        state = {
            part: getattr(runner.model.module, part).state_dict() for part in ('generator', 'discriminator')
        }
        torch.save(
            dict(
                state,
                metrics={
                    key: float(value.current())
                    for key, value in runner.message_hub.log_scalars.items()
                    if 'val/' in key
                },
                rank=seen.rank,
            ),
            tmp_path / f'{rank}.pth',
        )

    assert ranks(2, call, free_port()) == [0, 0]
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(2))
    assert (first['rank'], second['rank']) == (0, 1)
    saved = torch.load(tmp_path / 'run' / 'iter_3.pth', weights_only=True)['state_dict']
    for part in ('generator', 'discriminator'):
        for key, value in first[part].items():
            assert torch.isfinite(value).all()
            assert torch.equal(value, saved[f'{part}.{key}'])  # the checkpoint's
            if 'running_' not in key and 'weight_u' not in key and 'weight_v' not in key:
                assert torch.equal(value, second[part][key]), key
    assert first['metrics']
