import pytest
from mmengine.logging import HistoryBuffer
from support.runs import load, tiny_train

from mmsr_ext import InputError
from mmsr_ext.engine import BoundedHistoryHook, CheckpointHook


def test_history_is_the_end_of_the_whole_one(tmp_path):
    whole = tiny_train(tmp_path, 'whole')['message_hub']['log_scalars']
    short = {'default_hooks.history.length': 5, 'log_processor.window_size': 4}
    bounded = tiny_train(tmp_path, 'bounded', options=short)['message_hub']['log_scalars']
    assert len(whole['train/loss_pix']['values']) == 12  # the generator is updated at every other step
    assert bounded.keys() == whole.keys()
    for key in ('train/loss_pix', 'train/loss_d_real', 'val/PSNR-Y'):
        assert bounded[key]['values'].tolist() == whole[key]['values'][-5:].tolist()
    # a run that was resumed from a long history
    again = tiny_train(tmp_path, 'again', str(tmp_path / 'whole' / 'iter_18.pth'), options=short)[
        'message_hub'
    ]['log_scalars']
    assert again['train/loss_pix']['values'].tolist() == whole['train/loss_pix']['values'][-5:].tolist()


def test_never_shorter_than_what_is_averaged(tmp_path):
    tiny_train(tmp_path, options={'default_hooks.history.length': 5, 'log_processor.window_size': 9})
    history = load(tmp_path / 'run' / 'iter_24.pth')['message_hub']['log_scalars']['train/loss_pix']
    assert len(history['values']) == 9


@pytest.mark.parametrize('length', [0, -1, 2.5, True, 'many'])
def test_bad_length(length):
    with pytest.raises(InputError, match='BoundedHistoryHook: length='):
        BoundedHistoryHook(length)


def test_without_the_hook_checkpoints_are_plain_too():
    checkpoint = dict(
        message_hub=dict(log_scalars={'loss': HistoryBuffer([1.0, 2.0], [1, 1])}, runtime_info={})
    )
    hook = CheckpointHook(interval=1)
    hook.before_save_checkpoint(None, checkpoint)
    assert set(checkpoint['message_hub']['log_scalars']['loss']) == {'values', 'counts', 'length'}
    hook.before_save_checkpoint(None, checkpoint)
    hook.after_load_checkpoint(None, checkpoint)
    assert checkpoint['message_hub']['log_scalars']['loss'].current() == 2
