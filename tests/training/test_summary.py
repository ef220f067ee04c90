from support.configs import CONFIGS, tiny_options

from mmsr_ext.apis import train


def test_ten_lines_in_the_place_of_hundreds(tmp_path, in_root, capfd):
    """The console has a summary; the log file has everything, the summary included."""
    options = tiny_options(tmp_path, 4) | {
        'init_generator': None,
        'model.generator': dict(mid_channels=4, num_blocks=1),
        'model.discriminator': dict(mid_channels=4, dense_channels=4, patch_size=32),
        'model.perceptual_loss': dict(layer_weights=dict(conv1_1=1.0), pretrained='random'),
        'train_cfg.max_iters': 2,
    }
    runner = train(str(CONFIGS / 'srgan_x4_vgg22.py'), str(tmp_path / 'run'), options=options)
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    console = capfd.readouterr().out
    before_training = console[: console.index('iteration 1 of 2')]
    assert len(before_training.splitlines()) <= 20
    for text in ('System environment', 'Hooks will be executed'):
        assert text in log
        assert text not in console
    count = sum(parameter.numel() for parameter in runner.model.generator.parameters())
    for text in (
        f'SRResNet, {count:,} parameters',
        'VGGDiscriminator',
        'crops of 32 px',
        '2 iterations',
        'float32',
    ):
        assert text in before_training
        assert text in log
