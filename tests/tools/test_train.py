"""The command lines, in real processes where processes matter."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate, train
from mmsr_ext.config.load import load_config
from mmsr_ext.models import SRResNet

TINY = {
    'model.generator.mid_channels': 4,
    'model.generator.num_blocks': 1,
    'train_dataloader.dataset.gt_size': 32,
    'train_dataloader.batch_size': 2,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 4,
    'default_hooks.checkpoint.interval': 2,
    'default_hooks.logger.interval': 1,
}
GAN = {
    'model.discriminator.mid_channels': 2,
    'model.generator.init_cfg': None,
}


@pytest.fixture
def options(demo_data, in_root):
    """Overrides that make the demo configs tiny; absolute paths, so that any folder will do."""
    return TINY | demo_data


def command(options):
    return [f'{key}={value}' for key, value in options.items()]


def run(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, **kwargs
    )


def states(path):
    return torch.load(path, weights_only=True)['state_dict']


def test_train_evaluate_and_resume(options, tmp_path):
    """SRResNet, then SRGAN from its checkpoint, then the table, then four more iterations."""
    train('configs/srresnet_x4_demo.py', str(tmp_path / 'a'), options=options)
    pretrained = tmp_path / 'a/iter_4.pth'
    gan = options | GAN | {'model.generator.init_cfg': dict(type='Pretrained', checkpoint=str(pretrained))}
    runner = train(
        'configs/srgan_x4_demo.py',
        str(tmp_path / 'b'),
        options=gan | {'model.train_cfg.disc_init_steps': 100},
    )
    for key, value in states(pretrained).items():
        assert torch.equal(
            runner.model.state_dict()[key], value
        )  # loaded, and not updated before disc_init_steps
    assert list((tmp_path / 'b').glob('*/vis_data/vis_image/*.png'))

    checkpoint = tmp_path / 'b/iter_4.pth'
    assert not any('vgg' in key or 'perceptual' in key for key in states(checkpoint))
    table = evaluate(
        'configs/srgan_x4_demo.py',
        [str(pretrained), str(checkpoint)],
        str(tmp_path / 'c'),
        json_file=str(tmp_path / 'c.json'),
        options=gan,
    ).table
    assert list(table) == ['bicubic', 'a', 'b']
    assert list(table['b']) == ['PSNR-Y', 'PSNR-RGB', 'SSIM-Y', 'SSIM-RGB']
    assert table['a'] == table['b']
    (figures,) = (part['figures'] for part in json.loads((tmp_path / 'c.json').read_text())['sets'].values())
    assert {name: figures['b'][name] for name in table['b']} == table['b']
    assert (tmp_path / 'c/test/comparison.png').exists()

    runner = train(
        'configs/srgan_x4_demo.py', str(tmp_path / 'b'), 'auto', options=gan | {'train_cfg.max_iters': 8}
    )
    assert runner.iter == 8
    assert int(runner.model.step_counter) == 8
    more = gan | {'train_cfg.max_iters': 7}
    runner = train(
        'configs/srgan_x4_demo.py', str(tmp_path / 'd'), str(tmp_path / 'b/iter_6.pth'), options=more
    )
    assert int(runner.model.step_counter) == 7


def test_amp_trains(options, tmp_path):
    runner = train('configs/srgan_x4_demo.py', str(tmp_path / 'a'), amp=True, options=options | GAN)
    assert {type(wrapper).__name__ for wrapper in runner.optim_wrapper.values()} == {'AmpOptimWrapper'}


def test_bad_input_is_one_error(options, tmp_path, make_pairs):
    srresnet, srgan = 'configs/srresnet_x4_demo.py', 'configs/srgan_x4_demo.py'
    (tmp_path / 'text.pth').write_text('no weights')
    train(srresnet, str(tmp_path / 'a'), options=options)
    weights_only = tmp_path / 'weights.pth'
    torch.save(states(tmp_path / 'a/iter_4.pth'), weights_only)
    gan = (
        options
        | GAN
        | {'model.generator.init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / 'a/iter_4.pth'))}
    )
    other = {'model.generator.mid_channels': 8}
    other_size = dict(_delete_=True, type='VGGDiscriminator', mid_channels=2, dense_channels=4, patch_size=48)
    cases = [
        (lambda: train('configs/nothing.py'), r'configs/nothing\.py does not exist.*srgan_x4\.py'),
        (
            lambda: train('configs/srgan_x4.py', str(tmp_path / 'b')),
            r'data/DIV2K/train_x4 does not exist.*pack_data\.py data/DIV2K/DIV2K_train_HR data/DIV2K/'
            'train_x4.*unpack.*quickstart',
        ),
        (
            lambda: train(srgan, str(tmp_path / 'b'), options=gan | {'model.train_cfg.disc_step': 2}),
            "unknown key 'disc_step'",
        ),
        (
            lambda: train(srgan, str(tmp_path / 'b'), options=gan | {'model.discriminator': other_size}),
            '48x48 patches, but got 32x32',
        ),
        (
            lambda: train(srgan, str(tmp_path / 'b'), options=gan | {'model.gan_loss.gan_type': 'vanila'}),
            "gan_type='vanila'.*did you mean 'vanilla'",
        ),
        (
            lambda: train(
                srgan, str(tmp_path / 'b'), options=gan | {'model.generator.init_cfg.checkpoint': 'no.pth'}
            ),
            r'no\.pth does not exist',
        ),
        (
            lambda: train(srresnet, str(tmp_path / 'a'), str(tmp_path / 'text.pth'), options=options),
            'text.pth is not a checkpoint',
        ),
        (
            lambda: train(srresnet, str(tmp_path / 'a'), str(weights_only), options=options),
            'holds weights only',
        ),
        (
            lambda: train(srresnet, str(tmp_path / 'a'), 'auto', options=options | other),
            r'iter_4\.pth is not for GANRestorer',
        ),
        (
            lambda: evaluate(srresnet, [str(tmp_path / 'text.pth')], options=options),
            'text.pth is not a checkpoint',
        ),
        (
            lambda: evaluate(srresnet, [str(weights_only)], str(tmp_path / 'c'), options=options | other),
            r'weights\.pth is not for EnhanceNet',
        ),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()


def test_command_line_ends_without_traceback(options, tmp_path):
    """The truncated image is met by a worker process, in the middle of a run."""
    path = Path(options['val_dataloader.dataset.gt_folder'], '1.png')
    path.write_bytes(path.read_bytes()[:-100])
    out = run(
        'tools/train.py',
        'configs/srresnet_x4_demo.py',
        '--work-dir',
        str(tmp_path / 'a'),
        '--cfg-options',
        *command(options | {'val_dataloader.num_workers': 1}),
    )
    assert out.returncode == 1
    assert 'Traceback' not in out.stderr
    assert re.search(r'^error: .*1\.png cannot be read as an image', out.stderr, re.MULTILINE)


def test_interrupted_run_goes_on(options, tmp_path):
    arguments = [
        'tools/train.py',
        'configs/srgan_x4_demo.py',
        '--work-dir',
        str(tmp_path / 'a'),
        '--resume',
        '--cfg-options',
        *command(options | GAN),
    ]
    with (tmp_path / 'log').open('w') as log:
        endless = [sys.executable, *arguments, 'train_cfg.max_iters=100000']
        process = subprocess.Popen(endless, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.time() + 120
        while not list((tmp_path / 'a').glob('iter_*.pth')) and time.time() < deadline:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    text = (tmp_path / 'log').read_text()
    assert (
        'interrupted. Resume with: python tools/train.py configs/srgan_x4_demo.py --work-dir '
        f'{tmp_path / "a"} --resume' in text
    )
    assert 'Traceback' not in text
    saved = int(re.search(r'iter_(\d+)', (tmp_path / 'a/last_checkpoint').read_text()).group(1))
    out = run(*arguments, f'train_cfg.max_iters={saved + 3}')
    assert out.returncode == 0, out.stderr
    assert f'resumed epoch: 0, iter: {saved}' in out.stdout + out.stderr
    assert states(tmp_path / f'a/iter_{saved + 3}.pth')['step_counter'] == saved + 3


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh'])
def test_two_processes(options, tmp_path, script):
    environment = {**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    checkpoint = tmp_path / 'weights.pth'
    if script == 'dist_test.sh':
        train('configs/srresnet_x4_demo.py', str(tmp_path / 'one'), options=options)
        checkpoint = tmp_path / 'one/iter_4.pth'
        arguments = [
            'configs/srresnet_x4_demo.py',
            str(checkpoint),
            '2',
            '--json',
            str(tmp_path / 'two.json'),
            '--data-root',
            str(tmp_path / 'none'),
        ]
        overrides = options
    else:
        arguments, overrides = ['configs/srgan_x4_demo.py', '2'], options | GAN
    out = subprocess.run(
        [
            'bash',
            f'tools/{script}',
            *arguments,
            '--work-dir',
            str(tmp_path / 'a'),
            '--cfg-options',
            *command(overrides),
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert out.returncode == 0, out.stdout + out.stderr
    if script == 'dist_train.sh':
        assert not any('module' in key for key in states(tmp_path / 'a/iter_4.pth'))
    else:
        one = evaluate(
            'configs/srresnet_x4_demo.py', [str(checkpoint)], str(tmp_path / 'b'), options=options
        ).table
        (two,) = json.loads((tmp_path / 'two.json').read_text())['sets'].values()
        assert sorted(two['images']) == ['0', '1', '2']
        for row in one:
            assert {name: two['figures'][row][name] for name in one[row]} == pytest.approx(one[row], rel=1e-6)


def test_checkpoint_with_code_in_its_meta_data_is_refused(options, tmp_path):
    train('configs/srresnet_x4_demo.py', str(tmp_path / 'a'), options=options)
    content = torch.load(tmp_path / 'a/iter_4.pth', weights_only=True)
    content['meta']['config'] = f"open({str(tmp_path / 'pwned')!r}, 'w')"
    torch.save(content, tmp_path / 'a/iter_4.pth')
    with pytest.raises(InputError, match='would run as code'):
        train('configs/srresnet_x4_demo.py', str(tmp_path / 'a'), 'auto', options=options)
    assert not (tmp_path / 'pwned').exists()


def test_resumes_without_the_weights_it_started_from(options, tmp_path):
    train('configs/srresnet_x4_demo.py', str(tmp_path / 'a'), options=options)
    pretrained = tmp_path / 'a/iter_4.pth'
    gan = options | GAN | {'model.generator.init_cfg': dict(type='Pretrained', checkpoint=str(pretrained))}
    train('configs/srgan_x4_demo.py', str(tmp_path / 'b'), 'auto', options=gan)
    pretrained.unlink()
    assert (
        train(
            'configs/srgan_x4_demo.py', str(tmp_path / 'b'), 'auto', options=gan | {'train_cfg.max_iters': 5}
        ).iter
        == 5
    )


def test_evaluation_needs_the_generator_alone(options, tmp_path):
    """VGG's weights, which srgan_x4 trains with, are not on this machine; several test sets; names that
    clash."""
    small = {key: value for key, value in options.items() if 'train' not in key}
    network = SRResNet(mid_channels=4, num_blocks=1)
    for folder in ('a/run', 'b/run'):
        (tmp_path / folder).mkdir(parents=True)
        torch.save(network.state_dict(), tmp_path / folder / 'net.pth')
    small |= {'model.generator.init_cfg': None}
    table = evaluate(
        'configs/srgan_x4.py', [str(tmp_path / 'a/run/net.pth')], str(tmp_path / 'c'), options=small
    ).table
    assert list(table) == ['bicubic', 'net']
    cfg = load_config('configs/srgan_x4.py', small)
    cfg.test_dataloader = [cfg.test_dataloader, cfg.test_dataloader]
    cfg.test_evaluator = [
        dict(type='Evaluator', metrics=dict(type='PSNR', prefix=name)) for name in ('one', 'two')
    ]
    cfg.dump(tmp_path / 'two.py')
    table = evaluate(str(tmp_path / 'two.py'), [str(tmp_path / 'a/run/net.pth')], str(tmp_path / 'd')).table
    assert list(table['net']) == ['one/PSNR-RGB', 'two/PSNR-RGB']
    with pytest.raises(InputError, match="would be called 'run'"):
        evaluate(
            'configs/srgan_x4.py',
            [str(tmp_path / folder / 'net.pth') for folder in ('a/run', 'b/run')],
            options=small,
        )


def test_readme_recipe_for_own_images(tmp_path, in_root):
    text = (ROOT / 'README.md').read_text()
    recipe = text.split("<<'CONFIG'\n")[1].split('\nCONFIG')[0]
    for base in ('srresnet_x4_demo.py', 'srresnet_x4.py'):
        (tmp_path / 'mine.py').write_text(
            recipe.replace("'srresnet_x4_demo.py'", repr(str(ROOT / 'configs' / base)))
        )
        cfg = load_config(str(tmp_path / 'mine.py'))
        assert cfg.train_dataloader.dataset.store == 'data/mine/train'
        for loader in (cfg.val_dataloader, cfg.test_dataloader):
            assert loader.dataset.gt_folder == 'data/mine/val/GT'
            assert loader.dataset.lq_name == '{}'


def test_datasets_are_built_once(options, tmp_path, monkeypatch):
    from mmsr_ext.datasets import PackedPairs, PairedImageDataset

    built = []
    for kind in (PackedPairs, PairedImageDataset):
        build = kind.__init__

        @functools.wraps(build)  # the keys of the config are checked against the signature
        def remember(self, build=build, **kwargs):
            built.append(self)
            build(self, **kwargs)

        monkeypatch.setattr(kind, '__init__', remember)
    runner = train('configs/srresnet_x4_demo.py', str(tmp_path / 'a'), options=options)
    assert [runner.train_dataloader.dataset, runner.val_loop.dataloaders[0].dataset] == built
    assert 'lambda' not in (tmp_path / 'a' / 'srresnet_x4_demo.py').read_text()
    assert isinstance(runner.cfg.train_dataloader.dataset, dict)
