import pytest
import torch
import torchvision
from safetensors.torch import load_file
from skimage.data import astronaut
from torch.nn import functional as F

from mmsr_ext import InputError
from mmsr_ext.models import PerceptualLoss
from mmsr_ext.models.losses.vgg_features import VGGFeatures, layer_names
from mmsr_ext.pretrained import VGG19_FEATURES

MEAN, STD = (
    torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1),
    torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
)


@pytest.fixture
def weights(tmp_path):
    """VGG19's first blocks with torchvision's names, in a file."""
    features = torchvision.models.vgg19(weights=None).features[:16]
    torch.save(
        {f'features.{key}': value for key, value in features.state_dict().items()}, tmp_path / 'vgg.pth'
    )
    return features.eval(), str(tmp_path / 'vgg.pth')


@pytest.mark.parametrize('vgg_type', ['vgg16', 'vgg19'])
def test_layer_names_match_torchvision(vgg_type):
    with torch.device('meta'):
        features = getattr(torchvision.models, vgg_type)(weights=None, init_weights=False).features
    kinds = {'conv': torch.nn.Conv2d, 'relu': torch.nn.ReLU, 'pool': torch.nn.MaxPool2d}
    assert len(layer_names(vgg_type)) == len(features)
    for name, layer in zip(layer_names(vgg_type), features):
        assert isinstance(layer, kinds[name[:4]])


def test_known_indices():
    names = layer_names('vgg19')
    assert (names[34], names[35], names[8]) == ('conv5_4', 'relu5_4', 'relu2_2')
    assert layer_names('vgg16')[29] == 'relu5_3'


@pytest.mark.parametrize('criterion', ['l1', 'mse'])
def test_value_and_gradient_against_torchvision(weights, criterion):
    features, path = weights
    x, gt = torch.rand(2, 3, 24, 24, requires_grad=True), torch.rand(2, 3, 24, 24)
    loss = PerceptualLoss(
        {'conv1_2': 0.5, 'VGG22': 2.0, '10': 1.0},
        criterion=criterion,
        perceptual_weight=3.0,
        pretrained=path,
        feature_scale=0.5,
    )
    value, style = loss(x, gt)
    assert style is None

    def maps(image):
        out, image = {}, (image - MEAN) / STD
        for index, layer in enumerate(features):
            image = layer(image.clone())
            out[index] = image.clone()
        return out

    y = x.detach().clone().requires_grad_()
    a, b = maps(y), maps(gt)
    distance = {'l1': torch.nn.L1Loss(), 'mse': torch.nn.MSELoss()}[criterion]
    # conv1_2 is layer 2, relu2_2 layer 8
    expected = 3 * sum(w * distance(0.5 * a[i], 0.5 * b[i]) for i, w in [(2, 0.5), (8, 2.0), (10, 1.0)])
    torch.testing.assert_close(value, expected)
    value.backward()
    expected.backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_style_is_the_distance_of_gram_matrices(weights):
    features, path = weights
    x, gt = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    perceptual, style = PerceptualLoss(
        {'relu1_1': 1.0},
        {'relu1_1': 1.0, 'relu2_1': 0.5},
        perceptual_weight=0,
        style_weight=2.0,
        pretrained=path,
    )(x, gt)
    assert perceptual is None

    def gram(image, depth):
        f = features[:depth]((image - MEAN) / STD)[0].double().flatten(1)
        return f @ f.T / f.numel()

    expected = 2 * sum(
        w * (gram(x, depth) - gram(gt, depth)).abs().mean() for depth, w in [(2, 1.0), (7, 0.5)]
    )
    torch.testing.assert_close(style.double(), expected, rtol=1e-5, atol=0)


def test_input_range_and_norm(weights):
    _, path = weights
    x, gt = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    unit = PerceptualLoss({'conv1_1': 1.0}, pretrained=path)(x, gt)[0]
    torch.testing.assert_close(
        PerceptualLoss({'conv1_1': 1.0}, input_range=(-1, 1), pretrained=path)(2 * x - 1, 2 * gt - 1)[0], unit
    )
    assert not torch.isclose(
        PerceptualLoss({'conv1_1': 1.0}, use_input_norm=False, pretrained=path)(x, gt)[0], unit
    )


def test_network_is_no_part_of_the_model(weights):
    loss = PerceptualLoss({'conv1_1': 1.0}, pretrained=weights[1])
    assert not list(loss.parameters())
    assert not loss.state_dict()
    loss.train()
    network = loss.network
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_target_has_no_graph(weights):
    x, gt = torch.rand(1, 3, 16, 16, requires_grad=True), torch.rand(1, 3, 16, 16, requires_grad=True)
    PerceptualLoss({'conv1_1': 1.0}, pretrained=weights[1])(x, gt)[0].backward()
    assert gt.grad is None
    assert x.grad is not None


def test_random_is_said_and_has_weights():
    features = VGGFeatures(['conv1_2'], pretrained='random')
    out = features(torch.rand(1, 3, 8, 8))['conv1_2']
    assert torch.isfinite(out).all()
    assert out.std() > 0


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (dict(layer_weights={'conv6_1': 1}), 'conv6_1'),
        (dict(layer_weights={'99': 1}), "'99'"),
        (dict(layer_weights={}), 'layer_weights'),
        (dict(layer_weights={'conv1_1': 1}, vgg_type='vgg11'), 'vgg11'),
        (dict(layer_weights={'conv1_1': 1}, criterion='huber'), 'huber'),
        (dict(layer_weights={'conv1_1': 1}, input_range=(1, 0)), 'input_range'),
        (dict(layer_weights={'conv1_1': 1}, perceptual_weight=0), 'perceptual_weight'),
        (dict(layer_weights={'conv1_1': 1}, pretrained='no/such.pth'), 'no/such.pth'),
    ],
)
def test_bad_arguments(arguments, named):
    with pytest.raises(InputError, match=named):
        PerceptualLoss(**arguments)


def test_a_file_that_is_not_deep_enough(weights):
    with pytest.raises(InputError, match='layer conv3_4'):
        PerceptualLoss({'relu5_4': 1}, pretrained=weights[1])


def test_no_download_says_what_to_bring(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', offline)
    with pytest.raises(InputError, match=r'vgg19-dcbb9e9d\.pth'):
        PerceptualLoss({'VGG54': 1})


def test_half_precision_stays_near_float32_and_compares_in_float32(weights):
    images = torch.rand(2, 1, 3, 32, 32)
    losses = {}
    for dtype in (None, 'bfloat16'):
        torch.manual_seed(0)
        loss = PerceptualLoss({'conv2_2': 1.0}, pretrained=weights[1], dtype=dtype)
        assert loss.network.mean.dtype == torch.float32
        losses[dtype], _ = loss(*images)
    assert losses['bfloat16'].dtype == torch.float32
    torch.testing.assert_close(losses['bfloat16'], losses[None], rtol=0.02, atol=0)
    assert losses['bfloat16'] != losses[None]


def test_unknown_dtype():
    with pytest.raises(InputError, match="dtype='int8'"):
        PerceptualLoss({'conv1_1': 1.0}, pretrained='random', dtype='int8')


def test_a_compiled_network_that_returns_the_same_memory_every_time(weights, monkeypatch):
    """As CUDA graphs do, which mode='reduce-overhead' takes."""
    x, gt = torch.rand(2, 1, 3, 16, 16)
    expected, style = PerceptualLoss({'conv1_2': 1.0}, style_weight=1.0, pretrained=weights[1])(x, gt)
    memory = {}

    def compiled(network, **arguments):
        return lambda image: {
            name: memory.setdefault(name, value.clone()).copy_(value)
            for name, value in network(image).items()
        }

    monkeypatch.setattr(torch, 'compile', compiled)
    loss = PerceptualLoss(
        {'conv1_2': 1.0}, style_weight=1.0, pretrained=weights[1], compile=dict(mode='reduce-overhead')
    )
    assert loss(x, gt) == (expected, style)
    assert expected > 0


def test_no_download_offers_the_features_of_the_package(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', offline)
    with pytest.raises(InputError, match="pretrained='builtin'") as caught:
        PerceptualLoss({'VGG54': 1})
    assert 'perceptual_loss=None' not in str(caught.value)
    PerceptualLoss({'VGG22': 1}, pretrained='builtin')


def test_the_packages_features_against_layers_built_by_hand():
    """And their maps are normalised: of a photograph they are 1 on average, as nothing but VGG's are."""
    state = {key: value.float() for key, value in load_file(VGG19_FEATURES).items()}
    x = torch.from_numpy(astronaut()).permute(2, 0, 1)[None] / 255
    expected = (x - MEAN) / STD
    for index in (0, 2, 'pool', 5, 7):
        if index == 'pool':
            expected = F.max_pool2d(expected, 2)
            continue
        weight, bias = state[f'features.{index}.weight'], state[f'features.{index}.bias']
        expected = F.conv2d(expected, weight, bias, padding=1).relu()
    maps = VGGFeatures(['VGG22', 'relu3_1'], pretrained='builtin')(x)
    torch.testing.assert_close(maps['VGG22'], expected)
    assert 0.5 < maps['VGG22'].mean() < 2
    assert 0.5 < maps['relu3_1'].mean() < 2


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (dict(layer_weights={'VGG54': 1}), 'conv3_2'),
        (dict(layer_weights={'VGG22': 1}, vgg_type='vgg16'), 'vgg19 alone'),
    ],
)
def test_what_the_packages_features_lack(arguments, named):
    with pytest.raises(InputError, match=named):
        PerceptualLoss(**arguments, pretrained='builtin')
