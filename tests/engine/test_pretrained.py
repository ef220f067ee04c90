import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.engine import Pretrained
from mmsr_ext.models import SRResNet, VGGDiscriminator


def small(**init):
    net = SRResNet(mid_channels=4, num_blocks=1, init_cfg=dict(type='Pretrained', **init) if init else None)
    net.init_weights()
    return net


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: {'state_dict': state},
        lambda state: {
            'state_dict': {
                **{f'generator.{key}': value for key, value in state.items()},
                'discriminator.x': torch.zeros(1),
            }
        },
    ],
)
def test_all_weights_are_loaded(scope, tmp_path, wrap):
    source = small()
    torch.save(wrap(source.state_dict()), tmp_path / 'a.pth')
    target = small(checkpoint=str(tmp_path / 'a.pth'))
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value)


def test_nothing_is_loaded_in_part(scope, tmp_path):
    state = small().state_dict()
    state.pop('tail.weight')
    state['head.0.weight'] = torch.zeros(4, 1, 9, 9)
    state['extra'] = torch.zeros(1)
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(
        InputError,
        match=r'not for SRResNet.*1 missing \(such as tail.weight\).*1 unexpected \(such as extra\).*'
        r'head.0.weight: \(4, 1, 9, 9\) instead of \(4, 3, 9, 9\)',
    ):
        small(checkpoint=str(tmp_path / 'a.pth'))


def test_files_that_are_no_checkpoints(scope, tmp_path):
    (tmp_path / 'text.pth').write_text('hello')
    (tmp_path / 'empty.pth').touch()
    torch.save([1, 2], tmp_path / 'list.pth')
    torch.save(small().state_dict(), tmp_path / 'cut.pth')
    cut = (tmp_path / 'cut.pth').read_bytes()
    (tmp_path / 'cut.pth').write_bytes(cut[: len(cut) // 2])
    for name, named in [
        ('none.pth', 'does not exist'),
        ('text.pth', 'is not a checkpoint'),
        ('empty.pth', 'is not a checkpoint'),
        ('list.pth', 'holds a list'),
        ('cut.pth', 'is not a checkpoint'),
    ]:
        with pytest.raises(InputError, match=f'{name} .*{named}|{name} {named}'):
            small(checkpoint=str(tmp_path / name))


def test_what_fits_is_loaded_if_asked_for(scope, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('mmsr_ext.engine.pretrained.print_log', lambda message, **_: lines.append(message))
    source = SRResNet(mid_channels=4, num_blocks=2, scale=2)
    torch.save(source.state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r'partial=True'):
        small(checkpoint=str(tmp_path / 'a.pth'))
    before = small()
    target = SRResNet(mid_channels=4, num_blocks=1, scale=4)
    target.load_state_dict(before.state_dict())
    Pretrained(str(tmp_path / 'a.pth'), partial=True)(target)
    own, theirs, initial = target.state_dict(), source.state_dict(), before.state_dict()
    fits = {key for key in own if key in theirs and theirs[key].shape == own[key].shape}
    assert 'head.0.weight' in fits
    assert fits != set(own)
    for key in own:
        assert own[key].equal(theirs[key] if key in fits else initial[key]), key
    assert f'SRResNet: {len(fits)} of {len(own)} weights initialised' in lines[-1]
    torch.save({'x': torch.ones(1)}, tmp_path / 'b.pth')
    with pytest.raises(InputError, match='has no weights that fit SRResNet'):
        Pretrained(str(tmp_path / 'b.pth'), partial=True)(target)


def test_a_forgotten_prefix_is_named(scope, tmp_path):
    discriminator = VGGDiscriminator(mid_channels=2, patch_size=32, dense_channels=4)
    state = {f'discriminator.{key}': value for key, value in discriminator.state_dict().items()}
    state |= {f'generator.{key}': value for key, value in small().state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'run.pth')
    with pytest.raises(InputError, match=r"It fits with prefix='discriminator'\."):
        Pretrained(str(tmp_path / 'run.pth'))(discriminator)


@pytest.mark.parametrize('prefix', ['generator', 'discriminator'])
@pytest.mark.parametrize(
    'save',
    [
        lambda g, d: dict(params=d),
        lambda g, d: {f'module.{key}': value for key, value in d.items()},
        lambda g, d: dict(state_dict={**prefixed('net_g.', g), **prefixed('net_d.', d)}),
        lambda g, d: {**prefixed('netG.', g), **prefixed('netD.', d)},
        lambda g, d: dict(state_dict={**prefixed('generator.', g), **prefixed('discriminator.', d)}),
    ],
)
def test_discriminators_of_other_trainers(scope, tmp_path, save, prefix):
    source, target = (VGGDiscriminator(mid_channels=2, patch_size=32, dense_channels=4) for _ in range(2))
    content = save(small().state_dict(), source.state_dict())
    torch.save(content, tmp_path / 'net.pth')
    both = any(
        'net_g.' in key or 'netG.' in key or 'generator.' in key for key in content.get('state_dict', content)
    )
    load = Pretrained(str(tmp_path / 'net.pth'), prefix=prefix)
    if both and prefix == 'generator':
        with pytest.raises(InputError, match=r"It fits with prefix='discriminator'\."):
            load(target)
        return
    load(target)
    for key, value in source.state_dict().items():
        assert value.equal(target.state_dict()[key]), key


def prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}
