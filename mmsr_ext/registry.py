"""Registries of mmsr_ext: children of MMagic's registries of the same name.

Under ``default_scope = 'mmsr_ext'`` a bare type name is looked up here, then in MMagic, then in MMEngine. From an MMagic config
``custom_imports = dict(imports=['mmsr_ext'])`` is enough to write ``type='mmsr_ext.Name'``.
"""

from mmagic import registry as mmagic
from mmengine.registry import Registry

__all__ = [
    'DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'LOOPS', 'METRICS', 'MODELS', 'MODEL_WRAPPERS', 'OPTIM_WRAPPERS', 'WEIGHT_INITIALIZERS'
]


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='mmsr_ext', locations=list(locations))


MODELS = _child(mmagic.MODELS, 'mmsr_ext.models')
DATASETS = _child(mmagic.DATASETS, 'mmsr_ext.datasets')
DATA_SAMPLERS = _child(mmagic.DATA_SAMPLERS, 'mmsr_ext.datasets')
METRICS = _child(mmagic.METRICS, 'mmsr_ext.evaluation')
HOOKS = _child(mmagic.HOOKS, 'mmsr_ext.engine')
LOOPS = _child(mmagic.LOOPS, 'mmsr_ext.engine')
MODEL_WRAPPERS = _child(mmagic.MODEL_WRAPPERS, 'mmsr_ext.engine')
OPTIM_WRAPPERS = _child(mmagic.OPTIM_WRAPPERS, 'mmsr_ext.engine')
WEIGHT_INITIALIZERS = _child(mmagic.WEIGHT_INITIALIZERS, 'mmsr_ext.engine')
