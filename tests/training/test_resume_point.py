import os
import pickle
import shutil

import pytest
import torch
from support.runs import free_port, ranks, tiny_train

from mmsr_ext import InputError
from mmsr_ext.training.resume_point import damage, find_resume_point
from mmsr_ext.weights import read_checkpoint

pytestmark = pytest.mark.forks


class Code:
    """Runs code when it is unpickled without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def run(tmp_path):
    for number in (2, 4, 6):
        torch.save(
            dict(state_dict={'weight': torch.arange(1000.0) + number}), tmp_path / f'iter_{number}.pth'
        )
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_6.pth'))
    return tmp_path


def flip(path):
    content = bytearray(path.read_bytes())
    place = content.index(torch.arange(1000.0)[500].add(6).numpy().tobytes())
    content[place + 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def attack(path):
    torch.save(dict(state_dict=Code(path.parent / 'pwned')), path)


DAMAGES = [
    flip,
    truncate,
    attack,
    lambda path: path.write_bytes(b''),
    lambda path: path.write_text('no weights'),
]


def test_newest(run):
    assert find_resume_point(run) == str(run / 'iter_6.pth')


@pytest.mark.parametrize('spoil', DAMAGES)
def test_a_damaged_one_gives_way_to_the_one_before(run, spoil, capsys):
    spoil(run / 'iter_6.pth')
    assert find_resume_point(run) == str(run / 'iter_4.pth')
    assert not (run / 'pwned').exists()
    truncate(run / 'iter_4.pth')
    assert find_resume_point(run) == str(run / 'iter_2.pth')
    truncate(run / 'iter_2.pth')
    with pytest.raises(
        InputError, match=r'iter_6\.pth is damaged.*iter_4\.pth is damaged.*start anew: rm -r'
    ):
        find_resume_point(run)


def test_a_flipped_bit_is_what_torch_would_load(run):
    """The reason why checksums are verified."""
    flip(run / 'iter_6.pth')
    torch.load(run / 'iter_6.pth', weights_only=True)
    assert 'CRC' in damage(run / 'iter_6.pth')


def test_what_last_checkpoint_says(run, tmp_path_factory):
    (run / 'last_checkpoint').write_text(str(run / 'iter_4.pth'))
    assert find_resume_point(run) == str(run / 'iter_4.pth')  # iter_6 is of an earlier run in the same folder
    truncate(run / 'iter_4.pth')
    assert find_resume_point(run) == str(run / 'iter_2.pth')
    for text in ('', 'gone/iter_5.pth', '/'):
        (run / 'last_checkpoint').write_text(text)
        assert find_resume_point(run) == str(run / 'iter_6.pth')
    (run / 'last_checkpoint').unlink()
    assert find_resume_point(run) == str(run / 'iter_6.pth')
    moved = tmp_path_factory.mktemp('elsewhere') / 'run'
    (run / 'last_checkpoint').write_text(str(run / 'iter_4.pth'))
    run.rename(moved)
    assert find_resume_point(moved) == str(moved / 'iter_2.pth')


def test_nothing_there(tmp_path):
    assert find_resume_point(tmp_path / 'new') is None
    (tmp_path / 'best_PSNR_iter_8.pth').touch()
    assert find_resume_point(tmp_path) is None


@pytest.mark.parametrize('protocol', ['torch', 'pickle'])
def test_reading_runs_no_code(tmp_path, protocol):
    path = tmp_path / 'stranger.pth'
    if protocol == 'torch':
        attack(path)
    else:
        path.write_bytes(pickle.dumps(dict(state_dict=Code(tmp_path / 'pwned'))))
    with pytest.raises(InputError, match='that can be read safely'):
        read_checkpoint(path)
    assert not (tmp_path / 'pwned').exists()


@pytest.mark.parametrize('second', [None, 'iter_3.pth'])
def test_processes_with_folders_of_their_own(tmp_path, second):
    """As on two machines whose work_dir is a local disk: nothing there on the second, or what was left by
    another run."""
    tiny_train(tmp_path, 'A', options={'train_cfg.max_iters': 6})
    if second:
        (tmp_path / 'B').mkdir()
        shutil.copy(tmp_path / 'A' / second, tmp_path / 'B')

    def call(rank):
        try:
            tiny_train(tmp_path, 'AB'[rank], 'auto', launcher='pytorch')
        except InputError as error:
            (tmp_path / f'{rank}.txt').write_text(str(error))

    assert ranks(2, call, free_port()) == [0, 0]
    found = 'resumes iter_3.pth' if second else 'has no checkpoint'
    for rank in range(2):
        text = (tmp_path / f'{rank}.txt').read_text()
        assert f'{found}. work_dir' in text
        assert 'process 0 of 2 on ' in text
        assert 'resumes iter_6.pth, but process 1 of 2 on ' in text
        assert 'must be one folder that all machines see' in text
