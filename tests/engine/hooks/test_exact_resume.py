import shutil

import pytest
import torch
from support.runs import At, Death, die, free_port, last, load, ranks, steps, tiny_train

from mmsr_ext.engine.random_state import random_state, set_random_state
from mmsr_ext.kill_test.run import differences
from mmsr_ext.weights import read_checkpoint

pytestmark = pytest.mark.forks


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run that is never interrupted: 24 iterations, validated at 8, 16 and 24."""
    folder = tmp_path_factory.mktemp('whole')
    return folder, tiny_train(folder)


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copy(whole[0] / 'recipe.py', tmp_path)
    return tmp_path


def test_the_recipe_has_everything_that_has_to_survive(whole):
    state = whole[1]['state_dict']
    parts = {key.split('.')[0] for key in state}
    assert parts == {'generator', 'generator_ema', 'discriminator', 'data_preprocessor', 'step_counter'}
    assert int(state['data_preprocessor.pool.filled']) == 6
    assert any('running_mean' in key for key in state)
    assert not any('vgg' in key or 'perceptual' in key for key in state)
    assert len(whole[1]['message_hub']['log_scalars']['train/loss_gp']['values']) == 24
    assert [
        len(whole[1]['message_hub']['log_scalars'][f'val/{name}']['values'])
        for name in ('PSNR-Y', 'SSIM-RGB')
    ] == [3, 3]


@pytest.mark.parametrize(
    ('point', 'iteration', 'workers'),
    [
        ('after_train_iter', 0, (0, 0)),  # before the first checkpoint
        ('before_train_iter', 10, (0, 2)),
        ('after_train_iter', 14, (1, 0)),
        ('before_val', 24, (0, 0)),  # the last iteration is saved, and not yet validated
        ('after_val', 16, (0, 0)),  # the checkpoint that has the best score is already saved
    ],
)
def test_killed_and_resumed_equals_unbroken(whole, folder, point, iteration, workers):
    before, after = ({'train_dataloader.num_workers': count} for count in workers)
    with pytest.raises(Death):
        tiny_train(folder, hooks=[At(point, iteration, die)], options=before)
    assert list(differences(whole[1], tiny_train(folder, resume='auto', options=after))) == []


def test_differences_are_seen(whole):
    """The comparison that the tests above rely on."""
    changes = [
        lambda c: c['state_dict']['generator.head.0.bias'].add_(1e-7),
        lambda c: c['exact_resume']['ranks'][0]['random'].pop('numpy'),
        lambda c: c['exact_resume']['ranks'][0]['random']['torch'].add_(1),
        lambda c: c['message_hub']['log_scalars']['train/loss_pix']['values'].__setitem__(3, 0.5),
        lambda c: c['optimizer']['generator']['state'][0]['exp_avg'].mul_(2),
        lambda c: c['param_schedulers']['generator'].pop(),
    ]
    for change in changes:
        other = load(whole[0] / 'run' / 'iter_24.pth')
        change(other)
        assert len(list(differences(whole[1], other))) == 1


def test_validation_leaves_no_trace(whole, folder):
    never = tiny_train(folder, options={'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None})
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        assert list(differences(whole[1][key], never[key])) == []
    assert list(differences(*(one['exact_resume']['ranks'] for one in (whole[1], never)))) == []


def test_gradients_that_accumulate_are_not_lost(folder):
    """Checkpoints are due at 3, 9, 15, 21, and the best one at 7, 14, 21, amid accumulation."""
    accumulate = {
        f'optim_wrapper.{name}.accumulative_counts': 2 for name in ('generator', 'discriminator')
    } | {'train_cfg.val_interval': 7}
    unbroken = tiny_train(
        folder, 'unbroken', options=accumulate | {'default_hooks.checkpoint.max_keep_ckpts': -1}
    )
    assert steps(folder / 'unbroken') == [4, 6, 8, 10, 12, 14, 16, 18, 22, 24]
    with pytest.raises(Death):
        tiny_train(folder, hooks=[At('before_train_iter', 11, die)], options=accumulate)
    assert list(differences(unbroken, tiny_train(folder, resume='auto', options=accumulate))) == []


def test_random_state_survives_a_file(tmp_path):
    import random

    import numpy as np

    random.gauss(0, 1), np.random.randn(), torch.randn(3)  # with a second normal number in store
    torch.save(random_state(), tmp_path / 'state.pth')

    def draw():
        return (
            random.gauss(0, 1),
            random.random(),
            np.random.randn(),
            np.random.rand(),
            torch.randn(5).tolist(),
        )

    drawn = draw()
    assert draw() != drawn
    set_random_state(read_checkpoint(tmp_path / 'state.pth'))
    assert draw() == drawn


def test_checkpoint_of_another_project_goes_on(whole, folder):
    """Without what this hook adds: by weights and optimizers, and with a warning."""
    content = load(whole[0] / 'run' / 'iter_18.pth')
    del content['exact_resume']
    torch.save(content, folder / 'iter_18.pth')
    out = tiny_train(folder, resume=str(folder / 'iter_18.pth'), options={'log_level': 'WARNING'})
    assert out['exact_resume']['data']['samples'] == 48
    assert 'has no random state' in log_of(folder / 'run')


def log_of(work_dir):
    return ' '.join(path.read_text() for path in work_dir.glob('*/*.log'))


def run_ranks(folder, size, name='run', resume=None, point=None, iteration=None, **options):
    hooks = [At(point, iteration, lambda runner: __import__('os')._exit(9))] if point else []

    def call(rank):
        tiny_train(folder, name, resume, hooks, launcher='pytorch', options=options)

    return ranks(size, call, free_port())


def test_two_processes_resume_exactly(folder):
    """Pools, statistics of batch normalisation and random states differ between the two."""
    assert run_ranks(folder, 2, 'unbroken') == [0, 0]
    unbroken = last(folder / 'unbroken')
    first, second = unbroken['exact_resume']['ranks']
    assert first['buffers'] == {}
    assert {'data_preprocessor.pool.lq', 'data_preprocessor.pool.gt'} <= second['buffers'].keys()
    assert any('running_mean' in key for key in second['buffers'])
    assert unbroken['exact_resume']['data']['samples'] == 2 * 2 * 24
    assert 0 not in run_ranks(folder, 2, point='before_train_iter', iteration=13)
    assert steps(folder / 'run')[-1] == 12
    assert run_ranks(folder, 2, resume='auto') == [0, 0]
    assert list(differences(unbroken, last(folder / 'run'))) == []


def test_another_number_of_processes_goes_on_with_the_next_sample(folder):
    assert 0 not in run_ranks(folder, 2, point='before_train_iter', iteration=13)
    seen = []
    watch = At(
        'before_train_iter', 12, lambda runner: seen.append(runner.train_loop.dataloader.sampler.start)
    )
    out = tiny_train(folder, resume='auto', hooks=[watch], options={'log_level': 'WARNING'})
    assert seen == [2 * 2 * 12]
    assert out['exact_resume']['data']['samples'] == 2 * 2 * 12 + 2 * 12
    assert 'Resumed with 1 process(es), saved with 2: the data go on at the next sample' in log_of(
        folder / 'run'
    )
    assert run_ranks(folder, 2, resume='auto', **{'train_cfg.max_iters': 26}) == [0, 0]
    assert (
        load(folder / 'run' / 'iter_26.pth')['exact_resume']['data']['samples']
        == 2 * 2 * 12 + 2 * 12 + 2 * 2 * 2
    )
