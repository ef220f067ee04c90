"""Early stopping saves where it stops; a resumed run keeps to it, and goes on exactly with more patience."""

import shutil

import pytest
from support.runs import load, tiny_train

from mmsr_ext import InputError
from mmsr_ext.engine import EarlyStoppingHook
from mmsr_ext.kill_test.run import differences

pytestmark = pytest.mark.forks
NEVER_BETTER = dict(monitor='PSNR-Y', min_delta=1e3)  # after the first validation, at iteration 8


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    return folder, tiny_train(folder)


def stop(folder, patience, resume=None, **options):
    return tiny_train(
        folder, resume=resume, hooks=[EarlyStoppingHook(**NEVER_BETTER, patience=patience)], **options
    )


def checkpoints(folder):
    return sorted(int(path.stem.partition('_')[2]) for path in (folder / 'run').glob('iter_*.pth'))


def test_saves_where_it_stops_and_goes_on_exactly(whole, tmp_path):
    shutil.copy(whole[0] / 'recipe.py', tmp_path)
    stop(tmp_path, 1)
    assert checkpoints(tmp_path)[-1] == 16
    assert (tmp_path / 'run/last_checkpoint').read_text().endswith('iter_16.pth')
    saved = load(tmp_path / 'run/iter_16.pth')
    assert saved['message_hub']['runtime_info']['early_stopping_PSNR-Y']['waited'] == 1
    stop(tmp_path, 1, 'auto')  # stopped already: ends at once
    assert checkpoints(tmp_path)[-1] == 16
    resumed = stop(tmp_path, 9, 'auto')
    assert [what for what in differences(resumed, whole[1]) if 'early_stopping' not in what] == []


def test_counts_on_when_it_is_resumed(tmp_path):
    stop(tmp_path, 9, options={'train_cfg.max_iters': 17})
    with_two = EarlyStoppingHook(**NEVER_BETTER, patience=2)
    tiny_train(tmp_path, resume='auto', hooks=[with_two])
    assert with_two.wait_count == 2  # at iterations 16 and 24; a fresh one would have counted one


def test_waits_for_an_update_while_gradients_accumulate(tmp_path):
    options = {f'optim_wrapper.{name}.accumulative_counts': 3 for name in ('generator', 'discriminator')}
    stop(tmp_path, 1, options=options)
    assert checkpoints(tmp_path)[-1] == 18  # 16 is in the midst of an update


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(monitor='NIQE', rule='greater'), "rule='greater' contradicts monitor='NIQE', of which lower"),
        (dict(monitor='mine'), "which values of monitor='mine' are better"),
    ],
)
def test_the_rule_follows_from_the_metric(arguments, message):
    assert EarlyStoppingHook('NIQE').rule == 'less'
    assert EarlyStoppingHook('SSIM-Y').rule == 'greater'
    with pytest.raises(InputError, match=message):
        EarlyStoppingHook(**arguments)


def test_the_metric_has_to_be_there(tmp_path):
    with pytest.raises(InputError, match=r"monitor='PSNR' of EarlyStoppingHook is no metric .*'PSNR-Y'"):
        tiny_train(tmp_path, hooks=[EarlyStoppingHook('PSNR')])
    assert not (tmp_path / 'run').exists()
