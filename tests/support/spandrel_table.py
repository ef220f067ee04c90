"""An architecture of spandrel trained, saved, resumed, exported, re-read and upscaled."""

import json
from copy import deepcopy

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmsr_ext.apis import export
from mmsr_ext.errors import InputError
from mmsr_ext.generators.load import load_generator
from mmsr_ext.models.backbones.spandrel_classes import spandrel_classes
from mmsr_ext.registry import MODELS
from mmsr_ext.upscaling.network import load_network
from support.models import PREPROCESSOR
from support.spandrel_small import SMALL

STEPS = 3


def images(scale, channels=3, count=2, size=16):
    """Return a batch as the loader collates it."""
    from mmagic.structures import DataSample

    random = torch.Generator().manual_seed(1)

    def draw(side):
        return torch.randint(0, 256, (channels, side, side), generator=random, dtype=torch.uint8)

    inputs, samples = [], []
    for _ in range(count):
        inputs.append(draw(size))
        samples.append(DataSample(gt_img=draw(size * scale)))
        samples[-1].set_metainfo(dict(gt_channel_order='rgb', img_channel_order='rgb', gt_path='a.png'))
    return dict(inputs=inputs, data_samples=samples)


def restorer(generator):
    """Return a restorer and its optimizer's wrapper."""
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        model = MODELS.build(
            dict(
                type='GANRestorer',
                generator=generator,
                pixel_loss=dict(type='L1Loss'),
                data_preprocessor=PREPROCESSOR,
            )
        )
        model.init_weights()
    return model.train(), optimizer_of(model)


def optimizer_of(model):
    from mmengine.optim import OptimWrapper

    trained = [one for one in model.generator.parameters() if one.requires_grad]
    return OptimWrapper(torch.optim.Adam(trained, lr=1e-4))


def follow(name, folder):
    """Take an architecture all the way; return what is to be said of it in the table."""
    arguments = SMALL[name]
    generator = dict(type='SpandrelNet', architecture=name, **arguments)
    model, wrapper = restorer(generator)
    net = model.generator
    batch = images(net.scale)
    before = deepcopy(net.state_dict())
    for _ in range(STEPS):
        logs = model.train_step(deepcopy(batch), wrapper)
        assert logs['loss_pix'].isfinite()
    assert any(not torch.equal(before[key], value) for key, value in net.state_dict().items())
    # saved
    path = folder / f'{name}.pth'
    text = Config(dict(model=dict(type='GANRestorer', generator=generator))).pretty_text
    state = dict(state_dict=model.state_dict(), optimizer=wrapper.state_dict(), meta=dict(cfg=text))
    torch.save(state, path)
    random = torch.get_rng_state()
    # resumed: the step after it is the same, bit for bit
    model.train_step(deepcopy(batch), wrapper)
    saved = torch.load(path, weights_only=True)
    again, optimizer = restorer(generator)
    again.load_state_dict(saved['state_dict'])
    optimizer.load_state_dict(saved['optimizer'])
    torch.set_rng_state(random)
    again.train_step(deepcopy(batch), optimizer)
    for key, value in net.state_dict().items():
        assert torch.equal(again.generator.state_dict()[key], value), key
    # exported, re-read, and run on an image of any size
    image = torch.rand(1, net.channels, 21, 34)
    with torch.no_grad():
        expected = load_generator(path)(image)
        assert expected.shape[-2:] == (21 * net.scale, 34 * net.scale)
        done = export(path, 'safetensors', folder / f'{name}.safetensors')
        torch.testing.assert_close(load_network(done.path)(image), expected, atol=1e-5, rtol=1e-4)
    reads = next((note for note in done.notes if 'spandrel' in note), '')
    return dict(
        result='passes',
        scale=net.scale,
        frozen=len(net.frozen),
        half='float16' if torch.float16 not in net.unfit else 'float32',
        spandrel='no' if 'loads it as' not in reads else 'other output' if 'differs' in reads else 'yes',
    )


def row(name, folder):
    """Return the line of the table, also of an architecture that is refused."""
    chosen = next(one for one in spandrel_classes() if one.name == name)
    about = dict(licence=chosen.licence, source=chosen.source)
    try:
        return about | follow(name, folder)
    except InputError as error:
        return about | dict(result=f'refused: {error}'.replace('SpandrelNet: ', '')[:240])


if __name__ == '__main__':
    import sys
    import tempfile
    from pathlib import Path

    from support import ROOT

    written = ROOT / 'docs/spandrel.json'
    table = json.loads(written.read_text()) if written.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        for one in sys.argv[1:] or sorted(SMALL):
            torch.manual_seed(0)
            table[one] = row(one, Path(place))
            sys.stderr.write(f'{one}: {table[one]}\n')
            written.write_text(json.dumps(table, indent=1, sort_keys=True) + '\n')
