"""The architectures of the installed spandrel: their classes, licences and sources."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from torch import nn

from ...arguments import nearest
from ...errors import InputError

SCALES = ('scale', 'upscale', 'upscaling_factor', 'up_scale', 'upscale_factor')  # what classes call it
RESTRICTIVE = 'restrictive'
# licence of the code, and where it comes from, by spandrel's identifier
ORIGINS = {
    'ATD': ('Apache-2.0', 'LabShuHangGU/Adaptive-Token-Dictionary'),
    'AuraSR': ('Apache-2.0', 'fal-ai/aura-sr'),
    'CRAFT': ('Apache-2.0', 'AVC2-UESTC/CRAFT-SR'),
    'Compact': ('BSD-3-Clause', 'xinntao/Real-ESRGAN'),
    'DAT': ('Apache-2.0', 'zhengchen1999/DAT'),
    'DCTLSA': ('Apache-2.0', 'zengkun301/DCTLSA'),
    'DITN': ('Apache-2.0', 'yongliuy/DITN'),
    'DRCT': ('MIT', 'ming053l/DRCT'),
    'DRUNet': ('MIT', 'cszn/DPIR'),
    'DnCNN': ('MIT', 'cszn/DPIR'),
    'ESRGAN': ('Apache-2.0', 'xinntao/ESRGAN'),
    'FBCNN': ('Apache-2.0', 'jiaxi-jiang/FBCNN'),
    'FDAT': ('MIT', 'stinkybread/FDAT'),
    'FFTformer': ('MIT', 'kkkls/FFTformer'),
    'GFPGAN': ('non-commercial', 'TencentARC/GFPGAN'),
    'GRL': ('MIT', 'ofsoundof/GRL-Image-Restoration'),
    'HAT': ('MIT', 'XPixelGroup/HAT'),
    'HVICIDNet': ('MIT', 'Fediory/HVI-CIDNet'),
    'IPT': ('Apache-2.0', 'huawei-noah/Pretrained-IPT'),
    'KBNet': ('MIT', 'zhangyi-3/KBNet'),
    'LaMa': ('Apache-2.0', 'advimman/lama'),
    'MMRealSR': ('BSD-3-Clause', 'TencentARC/MM-RealSR'),
    'MixDehazeNet': ('MIT', 'AmeryXiong/MixDehazeNet'),
    'MoESR': ('MIT', 'umzi2/MoESR'),
    'MoSR': ('MIT', 'umzi2/MoSR'),
    'NAFNet': ('MIT', 'megvii-research/NAFNet'),
    'OmniSR': ('Apache-2.0', 'Francis0625/Omni-SR'),
    'PLKSR': ('MIT', 'dslisleedh/PLKSR'),
    'RCAN': ('MIT', 'yulunzhang/RCAN'),
    'RGT': ('Apache-2.0', 'zhengchen1999/RGT'),
    'RealCUGAN': ('MIT', 'bilibili/ailab'),
    'RestoreFormer': ('non-commercial', 'wzhouxiff/RestoreFormer'),
    'RetinexFormer': ('MIT', 'caiyuanhao1998/Retinexformer'),
    'SAFMN': ('Apache-2.0', 'sunny2109/SAFMN'),
    'SAFMNBCIE': ('Apache-2.0', 'sunny2109/SAFMN'),
    'SCUNet': ('Apache-2.0', 'cszn/SCUNet'),
    'SPAN': ('Apache-2.0', 'hongyuanyu/SPAN'),
    'SeemoRe': ('Apache-2.0', 'eduardzamfir/seemoredetails'),
    'SwiftSRGAN': ('CC0-1.0', 'Koushik0901/Swift-SRGAN'),
    'Swin2SR': ('Apache-2.0', 'mv-lab/swin2sr'),
    'SwinIR': ('Apache-2.0', 'JingyunLiang/SwinIR'),
    'Uformer': ('MIT', 'ZhendongWang6/Uformer'),
}
PERMISSIVE = ('MIT', 'Apache-2.0', 'BSD-3-Clause', 'CC0-1.0')


class SpandrelClass(NamedTuple):
    """A network class of spandrel.

    Attributes:
        name: By which a config asks for it: spandrel's, such as 'HAT', or one of several of an architecture,
            such as 'RealPLKSR'.
        kind: The class.
        architecture: spandrel's object that reads its weights.
        licence: Of its code, as an SPDX identifier; 'non-commercial' for one with parts that are, and
            'restrictive' for those of ``spandrel_extra_arches``.
        source: Address of its authors' code.
    """

    name: str
    kind: type[nn.Module]
    architecture: Any
    licence: str
    source: str

    @property
    def scale_name(self) -> str | None:
        """Return what the class calls its scale; None for one that keeps the size, or has one only."""
        parameters = inspect.signature(self.kind).parameters
        if self.name == 'SAFMNBCIE':  # whose upscaling_factor undoes a reduction of its own
            return None
        return next((name for name in SCALES if name in parameters), None)

    def check_licence(self, accepted: str | None) -> None:
        """Make sure that the licence is permissive, or that the user accepts it.

        Raises:
            InputError: Naming the licence and how to accept it.
        """
        if self.licence not in PERMISSIVE and accepted != self.licence:
            raise InputError(
                f'{self.name} has a licence that is not permissive ({self.licence}, see {self.source}). If '
                f'its terms suit you: accept_license={self.licence!r}'
            )


def spandrel_module() -> Any:
    """Import spandrel.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return importlib.import_module('spandrel')
    except ImportError as error:
        raise InputError(f'SpandrelNet needs spandrel ({error}): pip install "mmsr_ext[spandrel]"') from error


def spandrel_classes() -> Iterator[SpandrelClass]:
    """Yield every network class of spandrel, and of ``spandrel_extra_arches`` where that is installed.

    Raises:
        InputError: If spandrel is not installed.
    """
    registries = [spandrel_module().MAIN_REGISTRY]
    with suppress(ImportError):
        registries.append(importlib.import_module('spandrel_extra_arches').EXTRA_REGISTRY)
    for support in (one for registry in registries for one in registry):
        architecture = support.architecture
        module = importlib.import_module(type(architecture).__module__)
        exported = {name: getattr(module, name) for name in module.__all__}
        kinds = {name: kind for name, kind in exported.items() if issubclass(kind, nn.Module)}
        licence, source = ORIGINS.get(
            architecture.id, (RESTRICTIVE, 'chaiNNer-org/spandrel/tree/main/libs/spandrel_extra_arches')
        )
        for name, kind in kinds.items():
            named = architecture.id if len(kinds) == 1 else name
            yield SpandrelClass(named, kind, architecture, licence, f'https://github.com/{source}')


def spandrel_class(name: str, scale: int | None = None) -> SpandrelClass:
    """Find a class by its name.

    >>> spandrel_class('HAT').licence
    'MIT'

    Args:
        name: spandrel's name of an architecture, or of one of its classes.
        scale: Tells apart the classes of Real-CUGAN.

    Raises:
        InputError: For a name that spandrel does not have; the error names the nearest one.
    """
    known = list(spandrel_classes())
    found = [one for one in known if one.name == name or one.kind.__name__ == name]
    found = found or [one for one in known if one.architecture.id == name]
    if len(found) > 1 and scale is not None:
        found = [one for one in found if one.name == f'UpCunet{scale}x'] or found
    if len(found) == 1:
        return found[0]
    names = [one.name for one in found or known]
    advice = nearest(name, names) or f'spandrel has {", ".join(sorted(names))}.'
    raise InputError(f'SpandrelNet: architecture={name!r} is {"several" if found else "unknown"}; {advice}')
