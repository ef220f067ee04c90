"""The recipes with networks of spandrel: through the stock runner on tiny data, killed and resumed."""

import pytest
from mmengine.config import Config
from support import ROOT
from support.configs import tiny_run
from support.runs import At, Death, die, tiny_train

from mmsr_ext.kill_test.forked_run import write_recipe
from mmsr_ext.kill_test.run import differences

SMALL = {
    'realplksr_x4': dict(dim=8, n_blocks=1, kernel_size=5),
    'span_x4': dict(feature_channels=8),
    'swinir_light_x4': dict(depths=[1], num_heads=[2], embed_dim=8, window_size=4),
    'hat_s_x4': dict(
        depths=[1], num_heads=[2], embed_dim=8, window_size=4, compress_ratio=4, squeeze_factor=4
    ),
    'dat_light_x4': dict(depth=[2], num_heads=[2], embed_dim=16, split_size=[4, 4]),
    'omnisr_x4': dict(num_feat=16, res_num=1),
    'finetune_x4': dict(),  # of the built-in network
    'spandrel_gan_x4': dict(),
}
SMALL_GAN = {
    'model.discriminator.mid_channels': 4,
    'model.perceptual_loss.pretrained': 'random',
    'model.perceptual_loss.layer_weights': dict(_delete_=True, conv1_2=1.0),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', SMALL)
def test_trains(name, tmp_path, in_root):
    gan = SMALL_GAN if 'discriminator' in Config.fromfile(f'configs/{name}.py').model else {}
    runner = tiny_run(f'configs/{name}.py', tmp_path, {'model.generator': SMALL[name], **gan})
    assert runner.iter == 3
    scalars = runner.message_hub.log_scalars
    assert {'val/PSNR-Y', 'val/bicubic/PSNR-Y'} <= set(scalars)
    losses, _ = scalars['train/loss_pix' if name != 'finetune_x4' else 'train/loss_d_real'].data
    assert all(0 < loss < float('inf') for loss in losses)


def test_papers_numbers():
    """Batch, crop and rate of the authors' training options."""
    for name, batch, crop, rate in [
        ('realplksr_x4', 64, 384, 2e-4),
        ('swinir_light_x4', 64, 256, 2e-4),
        ('hat_s_x4', 32, 256, 2e-4),
        ('dat_light_x4', 32, 256, 2e-4),
        ('omnisr_x4', 64, 256, 5e-4),
    ]:
        cfg = Config.fromfile(ROOT / f'configs/{name}.py')
        loader = cfg.train_dataloader
        assert (loader.batch_size, loader.dataset.gt_size) == (batch, crop)
        assert cfg.optim_wrapper.optimizer.lr == rate


@pytest.mark.forks
@pytest.mark.slow
def test_stochastic_depth_is_resumed_bit_for_bit(tmp_path):
    write_recipe(tmp_path)
    recipe = tmp_path / 'recipe.py'
    ours = "dict(_delete_=True, type='SRResNet', mid_channels=4, num_blocks=1, scale=4)"
    theirs = (
        "dict(_delete_=True, type='SpandrelNet', architecture='SwinIR', scale=4, depths=[4], num_heads=[2], "
        "embed_dim=8, window_size=4, upsampler='pixelshuffledirect', drop_path_rate=0.5)"
    )
    text = recipe.read_text()
    assert ours in text
    recipe.write_text(text.replace(ours, theirs))
    whole = tiny_train(tmp_path, 'whole')
    with pytest.raises(Death):
        tiny_train(tmp_path, 'killed', hooks=[At('before_train_iter', 13, die)])
    assert list(differences(whole, tiny_train(tmp_path, 'killed', resume='auto'))) == []
    # and it does draw at random: without it the weights are others
    plain = tiny_train(tmp_path, 'plain', options={'model.generator.drop_path_rate': 0.0})
    assert list(differences(whole['state_dict'], plain['state_dict']))
