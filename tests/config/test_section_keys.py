"""Keys within the sections of a config that nothing reads, from a file and from --cfg-options."""

import re
from pathlib import Path

import mmagic
import pytest
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.config.checks import check_sections
from mmsr_ext.config.load import load_config

GAN, PSNR = (str(ROOT / 'configs' / f'{name}_x4_demo.py') for name in ('srgan', 'srresnet'))
MMAGIC = Path(mmagic.__file__).parent / '.mim' / 'configs'

# the wrong key has a star
SLIPS = [
    (PSNR, 'optim_wrapper.*clip_gard.max_norm', 'clip_grad'),
    (PSNR, 'optim_wrapper.optimizer.*betass', 'betas'),
    (PSNR, 'optim_wrapper.paramwise_cfg.*bias_lr_mul', 'bias_lr_mult'),
    (PSNR, 'optim_wrapper.paramwise_cfg.*custom_key.body.lr_mult', 'custom_keys'),
    (PSNR, 'optim_wrapper.paramwise_cfg.custom_keys.body.*lr_mlt', 'lr_mult'),
    (GAN, 'optim_wrapper.*generater.optimizer.lr', 'generator'),
    (GAN, 'optim_wrapper.generator.optimizer.*weigth_decay', 'weight_decay'),
    (GAN, 'optim_wrapper.discriminator.*accumulative_count', 'accumulative_counts'),
    (PSNR, 'param_scheduler.*t_max', 'T_max'),
    (GAN, 'param_scheduler.*milestone', 'milestones'),
    (PSNR, 'train_dataloader.*batchsize', 'batch_size'),
    (PSNR, 'val_dataloader.*numworkers', 'num_workers'),
    (PSNR, 'train_dataloader.dataset.*gtsize', 'gt_size'),
    (PSNR, 'train_dataloader.sampler.*shufle', 'shuffle'),
    (PSNR, 'val_dataloader.dataset.*gtfolder', 'gt_folder'),
    (PSNR, 'default_hooks.checkpoint.*intervall', 'interval'),
    (PSNR, 'default_hooks.logger.*prioritty', 'priority'),
    (PSNR, 'default_hooks.update_guard.*limitt', 'limit'),
    (PSNR, 'custom_hooks.0.*intervall', 'interval'),
    (PSNR, 'train_cfg.*val_intervall', 'val_interval'),
    (PSNR, 'val_cfg.*fp61', 'fp16'),
    (PSNR, 'val_evaluator.metrics.0.*crop_boarder', 'crop_border'),
    (PSNR, 'env_cfg.*cudnn_benchmrk', 'cudnn_benchmark'),
    (PSNR, 'env_cfg.mp_cfg.*opencv_threads', 'opencv_num_threads'),
    (PSNR, 'randomness.*sed', 'seed'),
    (PSNR, 'auto_scale_lr.*enabled', 'enable'),
    (PSNR, 'visualizer.*vis_backend', 'vis_backends'),
    (PSNR, 'log_processor.*windowsize', 'window_size'),
    (PSNR, 'model_wrapper_cfg.*find_unused_parameter', 'find_unused_parameters'),
    (GAN, 'model.gan_loss.*losss_weight', 'loss_weight'),
]


@pytest.mark.parametrize(('config', 'option', 'near'), SLIPS, ids=[option for _, option, _ in SLIPS])
def test_a_slip_is_named_with_its_section_and_the_nearest_key(config, option, near):
    section, wrong = option.split('.*')
    key = wrong.partition('.')[0]
    with pytest.raises(InputError) as caught:
        load_config(config, {option.replace('*', ''): 1})
    message = str(caught.value)
    assert f': {section}: unknown key {key!r}; did you mean {near!r}?' in message
    assert '\n' not in message


def test_a_slip_in_a_file(tmp_path):
    path = tmp_path / 'child.py'
    path.write_text(f'_base_ = {PSNR!r}\ntrain_dataloader = dict(dataset=dict(gtsize=48))\n')
    with pytest.raises(InputError, match=r"train_dataloader\.dataset: unknown key 'gtsize'; .*'gt_size'"):
        load_config(str(path))


def test_a_hook_without_a_type():
    with pytest.raises(InputError, match=r"default_hooks\.checkpoints has no type; .*'checkpoint'"):
        load_config(PSNR, {'default_hooks.checkpoints.interval': 2})


@pytest.mark.parametrize(
    ('kind', 'foreign'),
    [('RMSprop', 'betas and fused'), ('SGD', 'betas'), ('NAdam', 'fused'), ('Adagrad', 'betas')],
)
def test_what_another_optimizer_does_not_take(kind, foreign):
    with pytest.raises(InputError) as caught:
        load_config(PSNR, {'optim_wrapper.optimizer.type': kind})
    assert f'optim_wrapper.optimizer: {kind} does not take {foreign}, ' in str(caught.value)
    start = re.search(r'optimizer=(dict\(_delete_=True, type=.*?\));', str(caught.value))[1]
    advised = load_config(PSNR, {'optim_wrapper.optimizer': eval(start)})
    assert advised.optim_wrapper.optimizer == dict(type=kind, lr=1e-3)


def test_a_learning_rate_that_is_no_number():
    with pytest.raises(InputError, match=r"optim_wrapper\.optimizer\.lr='1e-4x' must be a number"):
        load_config(PSNR, {'optim_wrapper.optimizer.lr': '1e-4x'})


def test_a_schedule_that_would_never_step():
    cfg = load_config(GAN, {'param_scheduler': dict(_delete_=True, type='StepLR', step_size=2)})
    with pytest.raises(InputError, match=r'param_scheduler: StepLR counts epochs, .* Add by_epoch=False'):
        check_sections(cfg)
    check_sections(load_config(PSNR, {'param_scheduler.convert_to_iter_based': False}))


def test_a_delete_without_anything_to_delete():
    with pytest.raises(InputError, match=r'model\.extra_losses\.a: _delete_ has nothing to delete'):
        load_config(PSNR, {'model.extra_losses': dict(a=dict(_delete_=True, type='L1Loss'))})


def restoration_configs():
    folders = 'basicvsr edsr esrgan nafnet rdn real_esrgan restormer srcnn srgan_resnet swinir deblurganv2'
    return [path for folder in folders.split() for path in sorted((MMAGIC / folder).glob('*.py'))]


@pytest.mark.parametrize('path', restoration_configs(), ids=lambda path: path.stem)
def test_configs_of_mmagic(path):
    load_config(str(path))
