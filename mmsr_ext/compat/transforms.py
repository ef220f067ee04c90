"""Mends for what MMagic's transforms and metrics expect of albumentations, PyAV and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from types import FunctionType, ModuleType
from typing import Any

from .late import after_import

# arguments of albumentations 1.3 that were put together in version 2, and what 1.3 has for them by default
RANGES: dict[str, tuple[str, tuple[str, str], tuple[float, float]]] = {
    'ImageCompression': ('quality_range', ('quality_lower', 'quality_upper'), (99, 100)),
    'Downscale': ('scale_range', ('scale_min', 'scale_max'), (0.25, 0.25)),
    'RandomSnow': ('snow_point_range', ('snow_point_lower', 'snow_point_upper'), (0.1, 0.3)),
    'RandomFog': ('fog_coef_range', ('fog_coef_lower', 'fog_coef_upper'), (0.3, 1.0)),
    'RandomShadow': ('num_shadows_limit', ('num_shadows_lower', 'num_shadows_upper'), (1, 2)),
    'RandomSunFlare': ('angle_range', ('angle_lower', 'angle_upper'), (0.0, 1.0)),
}
# functions whose results MMagic's modules use as numbers beside float32 arrays
NUMBERS = ('ceil', 'clip', 'log2', 'sqrt')


def mend_transforms() -> None:
    """Register the mends of this module, each applied when its module is imported."""
    after_import('mmagic.datasets.transforms.albu_function', translate_albumentations)
    after_import('mmagic.datasets.transforms.random_degradations', mend_random_degradations)
    after_import('mmagic.evaluation.metrics.psnr', keep_numbers_weak)
    after_import('mmagic.evaluation.metrics.niqe', mend_niqe)


def translate_albumentations(module: ModuleType) -> None:
    """Let ``AlbuCorruptFunction`` name what albumentations 2 has dropped or renamed.

    Version 2 has no ``Cutout``, and ignores the arguments in ``RANGES`` with a warning: images would be
    compressed with a quality of 99 instead of what the config says. The holes lie within the image, where 1.3
    cut them off at the border. Unnecessary with albumentations 1.3, or a MMagic that is written for 2.
    """
    albu = module.albu
    if hasattr(albu, 'Cutout'):
        return
    stock: Callable[[str], Any] = module._resolve_aug_fn
    albu.Cutout = partial(_cutout, albu)

    def resolve(name: str) -> Any:
        kind = stock(name)
        renamed = RANGES.get(getattr(kind, '__name__', ''))
        return partial(_with_range, kind, *renamed) if renamed else kind

    module._resolve_aug_fn = resolve  # type: ignore[attr-defined]


def _cutout(
    albu: Any,
    num_holes: int = 8,
    max_h_size: int = 8,
    max_w_size: int = 8,
    fill_value: float = 0,
    p: float = 0.5,
) -> Any:
    return albu.CoarseDropout(
        num_holes_range=(num_holes, num_holes),
        hole_height_range=(max_h_size, max_h_size),
        hole_width_range=(max_w_size, max_w_size),
        fill=fill_value,
        p=p,
    )


def _with_range(
    kind: Any, name: str, ends: tuple[str, str], default: tuple[float, float], /, **arguments: Any
) -> Any:
    if name not in arguments:
        arguments[name] = tuple(arguments.pop(end, value) for end, value in zip(ends, default))
    return kind(**arguments)


def mend_random_degradations(module: ModuleType) -> None:
    """Mend ``RandomVideoCompression`` and ``RandomNoise``.

    MMagic sets a frame's ``pict_type`` to the string 'NONE', which PyAV 14 and later refuse: there it is a
    number, 0. Unnecessary with PyAV 13. For noise see ``keep_numbers_weak``.
    """
    keep_numbers_weak(module)
    if not module.has_av or int(module.av.__version__.split('.')[0]) < 14:
        return
    compress: FunctionType = module.RandomVideoCompression._apply_random_compression
    code = compress.__code__
    compress.__code__ = code.replace(co_consts=tuple(0 if one == 'NONE' else one for one in code.co_consts))


def keep_numbers_weak(module: ModuleType) -> None:
    """Give a module a ``np`` whose functions return Python's numbers where they return single numbers.

    In NumPy 2 a single float64 makes float64 of a float32 array that it is multiplied with, and a single
    float32 stays float32 beside a Python float; in NumPy 1 it was the other way round, which MMagic is
    written for: its noise was float32, and its PSNR float64. Unnecessary with NumPy 1.
    """
    import numpy as np

    if np.lib.NumpyVersion(np.__version__) < '2.0.0' or isinstance(module.np, _WeakNumbers):
        return
    module.np = _WeakNumbers(np)  # type: ignore[attr-defined]


class _WeakNumbers(ModuleType):
    """NumPy, with functions that return Python's numbers."""

    def __init__(self, numpy: ModuleType) -> None:
        super().__init__(numpy.__name__, numpy.__doc__)
        self._numpy = numpy
        for name in NUMBERS:
            setattr(self, name, partial(_plain, getattr(numpy, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._numpy, name)


def _plain(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = function(*args, **kwargs)
    return result.item() if getattr(result, 'ndim', None) == 0 else result


def mend_niqe(module: ModuleType) -> None:
    """Let NIQE search its grid of shapes in float64, as MMagic is written for, and NumPy 1 did.

    In NumPy 2 the ratio that is looked up is a float32, which may be nearer to another shape: one in some
    thousand searches, and 5e-5 in the result. Unnecessary with NumPy 1.
    """
    import numpy as np

    if np.lib.NumpyVersion(np.__version__) >= '2.0.0':
        module.estimate_aggd_param = _aggd_parameters  # type: ignore[attr-defined]


def _aggd_parameters(block: Any) -> tuple[Any, Any, Any]:
    """Fit an asymmetric generalised Gaussian distribution by its moments (Lasmar et al. 2009).

    Args:
        block: Array of any shape.

    Returns:
        Its shape, and the scales left and right of 0.
    """
    import numpy as np
    from scipy.special import gamma

    shapes, ratios = _shapes()
    block = block.ravel()
    left, right = (np.sqrt(np.mean(side**2)) for side in (block[block < 0], block[block > 0]))
    skew, mean = np.float64(left / right), np.float64(np.mean(np.abs(block)))
    ratio = mean**2 / np.float64(np.mean(block**2)) * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = shapes[np.argmin((ratios - ratio) ** 2)]
    factor = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * factor, right * factor


@lru_cache(maxsize=1)
def _shapes() -> tuple[Any, Any]:
    """Return the grid of shapes, and what the ratio of the moments is for each."""
    import numpy as np
    from scipy.special import gamma

    shapes = np.arange(0.2, 10.001, 0.001)
    inverse = np.reciprocal(shapes)
    return shapes, np.square(gamma(inverse * 2)) / (gamma(inverse) * gamma(inverse * 3))
