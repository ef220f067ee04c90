from support.configs import tiny_run

SMALL = {'model.generator.mid_channels': 4, 'model.generator.num_blocks': 1}


def test_both_stages(tmp_path):
    """The paper's recipes; the second starts from the checkpoint of the first, with random weights in place
    of VGG's download."""
    first = tiny_run('srresnet_x4.py', tmp_path, SMALL)
    assert first.iter == 3
    second = tiny_run(
        'srgan_x4.py',
        tmp_path,
        SMALL
        | {
            'model.generator.init_cfg.checkpoint': str(tmp_path / 'srresnet_x4/iter_3.pth'),
            'model.discriminator.mid_channels': 2,
            'model.discriminator.dense_channels': 4,
            'model.discriminator.patch_size': 32,
            'model.perceptual_loss.pretrained': 'random',
        },
    )
    logged = second.message_hub.log_scalars
    assert {'train/loss_perceptual', 'train/loss_gan', 'train/loss_d_real', 'train/d_fake'} <= set(logged)
    assert not any('vgg' in key or 'features.34' in key for key in second.model.state_dict())
