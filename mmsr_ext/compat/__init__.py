"""Mends for faults of other packages on today's stack; the only place that touches them.

Each function mends one fault, does nothing where the fault is absent, and says what would make it
unnecessary.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
import warnings
from importlib import metadata
from pathlib import Path

from .late import after_import
from .transforms import mend_transforms

BASICSR = (
    'params_ema',
    'params',
)  # where BasicSR's files have weights, which MMEngine expects in 'state_dict'
CURE_MMCV = "pip install 'mmcv-lite==2.1.0'"


def apply() -> None:
    """Apply every mend. Safe to call more than once.

    Raises:
        ImportError: If mmcv, MMEngine or MMagic is missing or of a version that cannot work together.
    """
    check_versions()
    quiet_imports()
    add_numpy_bool8()
    add_mmcv_ops()
    read_mmengine_checkpoints()
    resolve_own_configs()
    know_builtin_modules()
    replace_face_detector()
    mend_transforms()
    after_import('mmengine.logging.history_buffer', save_histories_without_methods)
    after_import('mmengine.hub.hub', get_own_configs)
    after_import('torch.utils.data', report_unsent_batches)


def check_versions() -> None:
    """Say in one sentence what to install where MMagic 1.2.0 would stop with an assertion.

    Unnecessary once MMagic's own metadata declares its requirement on mmcv.

    Raises:
        ImportError: If a package is missing or of another version.
    """
    mmcv = _version('mmcv') or _version('mmcv-lite')
    if mmcv is None:
        raise ImportError(f'mmsr_ext needs mmcv, and none is installed: {CURE_MMCV}')
    if not (2, 0) <= _release(mmcv) < (2, 2):
        raise ImportError(
            f'mmcv {mmcv} is installed, but MMagic 1.2.0 works with 2.0 and 2.1 only: '
            f'pip uninstall -y mmcv mmcv-lite && {CURE_MMCV}'
        )
    if _version('mmcv') and _version('mmcv-lite'):
        raise ImportError(
            'both mmcv and mmcv-lite are installed and have overwritten each other: '
            f'pip uninstall -y mmcv mmcv-lite && {CURE_MMCV}'
        )
    for package, low, high, pin in [
        ('mmengine', (0, 10), (1, 0), '==0.10.7'),
        ('mmagic', (1, 2), (1, 3), '==1.2.0'),
    ]:
        version = _version(package)
        if version is None:
            raise ImportError(
                f"mmsr_ext needs {package}, which is not installed: pip install '{package}{pin}'"
            )
        if not low <= _release(version) < high:
            raise ImportError(
                f"mmsr_ext does not work with {package} {version}: pip install '{package}{pin}'"
            )


def quiet_imports() -> None:
    """Silence diffusers' deprecation warnings and albumentations' request to a server.

    Unnecessary once MMagic no longer imports its diffusion models for every use.
    """
    os.environ.setdefault('NO_ALBUMENTATIONS_UPDATE', '1')
    for module in (
        'diffusers',
        'torch.jit',
        'torch.cuda.amp',
        'mmagic',
        'mmengine',
        'controlnet_aux',
        'timm',
    ):
        for category in (FutureWarning, DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings('ignore', category=category, module=module.replace('.', r'\.'))


def add_numpy_bool8() -> None:
    """Give numpy 2 its ``bool8`` back, which ``mmagic.utils.trans_utils`` names. Unnecessary with numpy 1."""
    import numpy as np

    if not hasattr(np, 'bool8'):
        np.bool8 = np.bool_  # type: ignore[attr-defined]


def add_mmcv_ops() -> None:
    """Give mmcv-lite stand-ins for the compiled operators that MMagic 1.2.0 imports.

    Stand-ins take their names, and raise ImportError with the cure when used. Unnecessary with an mmcv that
    has its compiled operators.
    """
    if importlib.util.find_spec('mmcv._ext') is not None or 'mmcv.ops' in sys.modules:
        return
    ops = types.ModuleType(
        'mmcv.ops', 'Stand-ins for the compiled operators of mmcv, made by mmsr_ext.compat.'
    )
    ops.__path__ = []
    sys.modules['mmcv.ops'] = ops
    for name in (
        'DeformConv2d',
        'DeformConv2dPack',
        'ModulatedDeformConv2d',
        'deform_conv2d',
        'modulated_deform_conv2d',
        'bias_act',
        'conv2d',
        'conv2d_gradfix',
        'conv_transpose2d',
        'filter2d',
        'filtered_lrelu',
        'upsample2d',
    ):
        setattr(ops, name, _missing(name))
    for module, names in [
        ('fused_bias_leakyrelu', ('FusedBiasLeakyReLU', 'fused_bias_leakyrelu')),
        ('upfirdn2d', ('upfirdn2d',)),
    ]:
        part = types.ModuleType(f'mmcv.ops.{module}', ops.__doc__)
        sys.modules[part.__name__] = part
        setattr(ops, module, part)
        for name in names:
            setattr(part, name, _missing(name))
            setattr(ops, name, getattr(part, name))


def read_mmengine_checkpoints() -> None:
    """Read local checkpoints for MMEngine, whose log history in them torch >= 2.6 refuses.

    BasicSR's files, too, whose weights MMEngine would not find under ``params``. MMEngine's advice is an
    allow-list for ``torch.load``, with which a file can run code of NumPy's. Applied when
    ``mmengine.runner`` is there, and by ``mmsr_ext.engine``. Unnecessary once MMEngine writes plain numbers
    and takes weights from under ``params``.
    """
    if 'mmengine.runner' in sys.modules:
        from mmengine.runner.checkpoint import CheckpointLoader

        CheckpointLoader.register_scheme(prefixes='', loader=_read_run_checkpoint, force=True)


def _read_run_checkpoint(filename: str, map_location: object = None) -> object:
    """Read a checkpoint onto the CPU, whatever ``map_location`` is; loading copies it to the device."""
    from mmengine.logging.history_buffer import HistoryBuffer

    from ..io.torch_file import History, read_torch_file

    if not os.path.isfile(filename):
        raise FileNotFoundError(f'{filename} can not be found.')
    content = read_torch_file(filename)
    if isinstance(content, dict) and 'state_dict' not in content:
        held = next((content[key] for key in BASICSR if isinstance(content.get(key), dict)), None)
        if held is not None:
            return dict(state_dict=held)
    histories = content.get('message_hub', {}).get('log_scalars', {}) if isinstance(content, dict) else {}
    for name, history in histories.items():
        if isinstance(history, History):
            histories[name] = HistoryBuffer(history.values.tolist(), history.counts.tolist(), history.length)
    return content


def save_histories_without_methods(module: types.ModuleType) -> None:
    """Leave the statistics that a user has registered out of a saved log history.

    MMEngine saves the functions with each history: a lambda cannot be saved, and a checkpoint that names a
    user's function cannot be read without running it. They are registered with the class in any case.
    Unnecessary once MMEngine saves plain numbers.

    Args:
        module: ``mmengine.logging.history_buffer``.
    """

    def __getstate__(self: object) -> dict:
        return {key: value for key, value in vars(self).items() if key != 'statistics_methods'}

    module.HistoryBuffer.__getstate__ = __getstate__


def report_unsent_batches(module: types.ModuleType) -> None:
    """Send the error in the place of a batch that a data worker could not send.

    A worker sends its batches in a thread, which prints an error, such as that /dev/shm is full, and goes on;
    the loader then waits for the batch for ever. Unnecessary once PyTorch reports it.

    Args:
        module: ``torch.utils.data``.
    """
    from multiprocessing.queues import Queue

    stock = Queue._on_queue_feeder_error  # type: ignore[attr-defined]
    if getattr(stock, 'reports', False):
        return

    def report(self: Queue, error: Exception, batch: object) -> None:
        worker = module.get_worker_info()
        if worker is None or not isinstance(batch, tuple):
            stock(error, batch)
            return
        from torch._utils import ExceptionWrapper

        where = f'in DataLoader worker process {worker.id}'
        self.put((batch[0], ExceptionWrapper((type(error), error, error.__traceback__), where)))

    report.reports = True  # type: ignore[attr-defined]
    Queue._on_queue_feeder_error = report  # type: ignore[attr-defined]


def resolve_own_configs() -> None:
    """Resolve ``_base_ = 'mmsr_ext::config.py'``, which MMEngine does for a fixed list of packages only.

    With this ``'mmsr_ext::srgan_x4.py'`` is found among the configs that are installed with the package.
    Unnecessary once MMEngine looks for any installed package.
    """
    from mmengine.config import Config

    stock = Config._get_cfg_path
    if getattr(stock, 'knows_mmsr_ext', False):
        return

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        package, separator, name = cfg_path.partition('::')
        if not separator or package != 'mmsr_ext':
            return stock(cfg_path, filename)
        return str(own_config(name)), package

    get_cfg_path.knows_mmsr_ext = True  # type: ignore[attr-defined]
    Config._get_cfg_path = staticmethod(get_cfg_path)


def own_config(name: str = '') -> Path:
    """Return the path of a config that is installed with the package, or in the checkout.

    Args:
        name: Its name in the folder of the configs, such as 'srgan_x4.py'; '' for the folder.
    """
    package = Path(__file__).parents[1]
    installed = package / '.mim' / 'configs'
    return (installed if installed.exists() else package.parent / 'configs') / name


def get_own_configs(module: types.ModuleType) -> None:
    """Let ``mmengine.hub.get_config('mmsr_ext::srgan_x4.py')`` find our configs.

    MMEngine knows a fixed list of packages, and wants a folder in the name. ``pretrained=True`` adds the path
    of the weights that come with the package. Unnecessary once MMEngine looks for any installed package.

    Args:
        module: ``mmengine.hub.hub``.
    """
    from mmengine.config import Config

    stock = module.get_config

    def get_config(cfg_path: str, pretrained: bool = False) -> Config:
        package, separator, name = cfg_path.partition('::')
        if not separator or package != 'mmsr_ext':
            return stock(cfg_path, pretrained)
        cfg = Config.fromfile(own_config(name))
        if pretrained:
            from ..pretrained import builtin_network

            cfg.model_path = str(builtin_network(Path(name).stem))
        return cfg

    module.get_config = get_config  # type: ignore[attr-defined]


def know_builtin_modules() -> None:
    """Let a lazy config of MMEngine import ``os.path`` and other modules that Python 3.11 has frozen.

    MMEngine 0.10.7 takes a module for one of Python's by its file, which a frozen one does not have.
    Unnecessary once MMEngine asks ``sys.stdlib_module_names``.
    """
    from mmengine.config import config, utils

    stock = utils._is_builtin_module
    if getattr(stock, 'knows_frozen', False):
        return

    def is_builtin_module(module_name: str) -> bool:
        return module_name.partition('.')[0] in sys.stdlib_module_names or stock(module_name)

    is_builtin_module.knows_frozen = True  # type: ignore[attr-defined]
    utils._is_builtin_module = config._is_builtin_module = is_builtin_module


def replace_face_detector() -> None:
    """Let ``mmagic.apis`` be imported with a mediapipe that has lost ``solutions``.

    MMagic's inferencer of animations imports controlnet_aux, whose detector of faces needs them at its
    import. A stand-in takes the detector's name, and raises ImportError with the cure when built.
    Unnecessary once controlnet_aux does without, or with an older mediapipe.
    """
    name = 'controlnet_aux.mediapipe_face'
    found = importlib.util.find_spec('mediapipe')
    folders = list(found.submodule_search_locations or []) if found else []
    has_solutions = any(Path(folder, 'python', 'solutions').is_dir() for folder in folders)
    if name in sys.modules or not folders or has_solutions or not importlib.util.find_spec('controlnet_aux'):
        return

    def __init__(self: object, *args: object, **kwargs: object) -> None:
        raise ImportError(
            f'MediapipeFaceDetector needs mediapipe.solutions, which mediapipe {_version("mediapipe")} does '
            "not have: pip install 'mediapipe==0.10.21'"
        )

    module = types.ModuleType(name, 'Stand-in for a detector of faces, made by mmsr_ext.compat.')
    module.MediapipeFaceDetector = type(  # type: ignore[attr-defined]
        'MediapipeFaceDetector', (), {'__init__': __init__, '__module__': name}
    )
    sys.modules[name] = module


def _missing(name: str) -> type:

    def __init__(self: object, *args: object, **kwargs: object) -> None:
        raise ImportError(
            f'mmcv.ops.{name} needs mmcv with its compiled operators, but mmcv-lite is installed: '
            "pip uninstall -y mmcv-lite && pip install 'setuptools<81' && "
            "pip install --no-build-isolation 'mmcv==2.1.0'"
        )

    # torch.nn.Module as the base, because MMagic derives layers from some of these
    import torch

    return type(name, (torch.nn.Module,), {'__init__': __init__, '__module__': 'mmcv.ops'})


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split('.')[:2]
    return int(major), int(minor)
