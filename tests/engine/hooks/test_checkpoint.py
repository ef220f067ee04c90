import os

import pytest
from support.runs import At, Death, die, last, steps, tiny_train

from mmsr_ext import InputError
from mmsr_ext.io.atomic import UNFINISHED
from mmsr_ext.kill_test.run import differences
from mmsr_ext.training.resume_point import find_resume_point

KEEP_ONE = {'default_hooks.checkpoint.max_keep_ckpts': 1, 'default_hooks.checkpoint.save_best': None}


def full_disk(*names):
    """Makes the writing of these files fail as on a full disk."""

    def fill(runner):
        for name in names:
            link = os.path.join(runner.work_dir, f'.{name}{UNFINISHED}')
            if not os.path.lexists(link):
                os.symlink('/dev/full', link)

    return fill


def log_of(work_dir):
    return ' '.join(path.read_text() for path in work_dir.glob('*/*.log'))


def named(work_dir):
    return (work_dir / 'last_checkpoint').read_text()


def test_full_disk_keeps_the_only_one_and_the_run_goes_on(tmp_path):
    run, seen = tmp_path / 'run', []
    look = At('before_train_iter', 10, lambda runner: seen.append((steps(run), named(run))))
    tiny_train(tmp_path, hooks=[At('before_train_iter', 7, full_disk('iter_9.pth')), look], options=KEEP_ONE)
    assert seen == [([6], str(run / 'iter_6.pth'))]
    assert (
        f'{run}/iter_9.pth could not be written: No space left on device. The last one that is whole is '
        f'{run}/iter_6.pth' in log_of(run)
    )
    assert steps(run) == [24]
    whole = tiny_train(tmp_path, 'whole', options=KEEP_ONE)
    assert list(differences(whole, last(run))) == []


def test_full_disk_at_the_end_is_an_error(tmp_path):
    run = tmp_path / 'run'
    with pytest.raises(
        InputError, match=r'iter_24\.pth could not be written: No space.*iter_21\.pth.*Make room in.*--resume'
    ):
        tiny_train(tmp_path, hooks=[At('before_train_iter', 22, full_disk('iter_24.pth'))], options=KEEP_ONE)
    assert steps(run) == [21]
    assert find_resume_point(run) == named(run) == str(run / 'iter_21.pth')


def test_the_pointer_that_cannot_be_written_names_the_one_before(tmp_path):
    run = tmp_path / 'run'
    with pytest.raises(Death):
        tiny_train(
            tmp_path,
            hooks=[At('before_train_iter', 7, full_disk('last_checkpoint')), At('before_train_iter', 9, die)],
            options=KEEP_ONE,
        )
    assert named(run) == str(run / 'iter_6.pth')
    assert 6 in steps(run)


def test_the_best_one_is_not_lost_for_want_of_room(tmp_path):
    """PSNR rises from 8 to 16 to 24."""
    run = tmp_path / 'run'
    out = tiny_train(tmp_path, hooks=[At('before_train_iter', 14, full_disk('best_PSNR-Y_iter_16.pth'))])
    assert 'the best checkpoint could not be written' in log_of(run)
    assert [path.name for path in run.glob('best*')] == ['best_PSNR-Y_iter_24.pth']
    scores = out['message_hub']['log_scalars']['val/PSNR-Y']['values']
    assert scores[0] < scores[1] < scores[2] == out['message_hub']['runtime_info']['best_score']
    second, seen = tmp_path / 'second', []
    look = At(
        'before_train_iter',
        20,
        lambda runner: seen.append(
            ([path.name for path in second.glob('best*')], dict(runner.message_hub.runtime_info))
        ),
    )
    tiny_train(
        tmp_path, 'second', hooks=[At('before_train_iter', 14, full_disk('best_PSNR-Y_iter_16.pth')), look]
    )
    names, info = seen[0]
    assert names == ['best_PSNR-Y_iter_8.pth']
    assert info['best_score'] == scores[0]
    assert info['best_ckpt'] == str(second / 'best_PSNR-Y_iter_8.pth')


def test_the_next_start_cleans_up(tmp_path):
    """Killed after a checkpoint was written, before the one it replaces was removed; and amid writing."""
    run = tmp_path / 'run'
    import mmsr_ext.engine.hooks.checkpoint as module

    stock = module.CheckpointHook._remove
    module.CheckpointHook._remove = lambda self, path: (_ for _ in ()).throw(Death)
    try:
        with pytest.raises(Death):
            tiny_train(tmp_path, options=KEEP_ONE)
    finally:
        module.CheckpointHook._remove = stock
    assert steps(run) == [3, 6]
    (run / f'.iter_9.pth{UNFINISHED}').write_bytes(b'half')
    seen = []
    tiny_train(
        tmp_path,
        resume='auto',
        hooks=[At('before_train_iter', 6, lambda runner: seen.extend(os.listdir(run)))],
        options=KEEP_ONE,
    )
    assert 'iter_6.pth' in seen
    assert 'iter_3.pth' not in seen
    assert not any(name.endswith(UNFINISHED) for name in seen)
    assert steps(run) == [24]


def test_a_run_that_goes_on_in_another_folder_removes_nothing_there(tmp_path):
    with pytest.raises(Death):
        tiny_train(tmp_path, 'first', hooks=[At('before_train_iter', 10, die)])
    second = tmp_path / 'second'
    second.mkdir()
    for number in (3, 6):
        (second / f'iter_{number}.pth').write_text('of somebody else')
    before = sorted(os.listdir(tmp_path / 'first'))
    tiny_train(
        tmp_path,
        'second',
        str(tmp_path / 'first' / 'iter_9.pth'),
        options={'default_hooks.checkpoint.max_keep_ckpts': 1},
    )
    assert (second / 'iter_3.pth').exists()
    assert (second / 'iter_6.pth').exists()
    assert sorted(os.listdir(tmp_path / 'first')) == before


def test_stock_readers(tmp_path):
    """MMEngine's own functions read what is written."""
    from mmengine.runner import find_latest_checkpoint
    from mmengine.runner.checkpoint import _load_checkpoint

    content = tiny_train(tmp_path)
    assert find_latest_checkpoint(str(tmp_path / 'run')) == str(tmp_path / 'run' / 'iter_24.pth')
    assert {'meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers'} <= _load_checkpoint(
        str(tmp_path / 'run' / 'iter_24.pth')
    ).keys()
    assert content['meta']['iter'] == 24
