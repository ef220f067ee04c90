"""Registries of mmsr_ext: children of MMagic's registries of the same name.

Under ``default_scope = 'mmsr_ext'`` a bare type name is looked up here, then in MMagic, then in MMEngine;
that needs a child of every registry, also of those to which this package adds nothing. From an MMagic config
``custom_imports = dict(imports=['mmsr_ext'])`` is enough to write ``type='mmsr_ext.Name'``. A registry
imports our parts when it is first asked for a name, and MMagic's when it is asked for one that is neither
ours nor MMEngine's: MMagic registers its models and metrics by importing all of them, diffusion models
included, which takes longer than all else at the start of a run.
"""

from __future__ import annotations

import inspect
from functools import partial

from . import compat

compat.apply()

from mmagic import registry as mmagic  # noqa: E402  MMagic can be imported only once it is mended
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

from .arguments import checked, nearest  # noqa: E402
from .errors import InputError  # noqa: E402

# modules that some of MMagic's registries import, slowly; its other registries import next to nothing
SLOW = ('mmagic.models', 'mmagic.evaluation')
# names of MMEngine that MMagic, in those registries, gives to parts of its own
REPLACED = ('ExponentialMovingAverage', 'SiLU')


class ChildRegistry(Registry):
    """A registry that imports its parents' modules before it looks a name up in them; MMEngine's does not.

    A class that is registered here checks its arguments, see ``arguments.checked``.
    """

    def get(self, key: str) -> type | None:
        """Look a name up, as MMEngine's ``Registry.get`` does.

        Raises:
            InputError: For a name without a dot that no registry has; the error names the nearest one.
        """
        self.import_from_location()
        # with a dot it is a name of one scope, whose registry imports its own modules, or a path
        if '.' not in key and key not in self.module_dict:
            ancestor = self.root if self._is_mmengines(key) else self.parent
            while ancestor is not None:
                ancestor.import_from_location()
                ancestor = ancestor.parent
        found = super().get(key)
        name = key.removeprefix('mmsr_ext.')
        if found is None and '.' not in name:
            raise InputError(
                f'there is no {self.name} of type {key!r}; {nearest(name, self._names()) or self._advice()}'
            )
        return found

    def __contains__(self, key: str) -> bool:
        try:
            return super().__contains__(key)
        except InputError:
            return False

    def _register_module(
        self, module: type, module_name: str | list[str] | None = None, force: bool = False
    ) -> None:
        super()._register_module(checked(module, partial(self._other, module)), module_name, force)

    def _other(self, module: type, key: str) -> str:
        """Say which class of a parent has the name of one of ours, and an argument that ours has not."""
        registry = self.parent
        while registry is not None:
            registry.import_from_location()
            theirs = registry.module_dict.get(module.__name__)
            if inspect.isclass(theirs) and key in inspect.signature(theirs).parameters:
                return f"it belongs to type='{registry.scope}.{module.__name__}', another class of this name."
            registry = registry.parent
        return ''

    def _names(self) -> list[str]:
        return [*self.module_dict, *self.parent.module_dict, *self.root.module_dict]

    def _advice(self) -> str:
        return f'ours are {", ".join(self.module_dict)}.' if self.module_dict else "see MMEngine's."

    def _is_mmengines(self, key: str) -> bool:
        """Return whether MMEngine has a name, so that MMagic need not be imported for it."""
        if not set(SLOW) & set(self.parent._locations):
            return False
        self.root.import_from_location()
        return key in self.root.module_dict and key not in REPLACED


def _child(parent: Registry, *locations: str) -> Registry:
    return ChildRegistry(parent.name, parent=parent, scope='mmsr_ext', locations=list(locations))


MODELS = _child(mmagic.MODELS, 'mmsr_ext.models')
DATASETS = _child(mmagic.DATASETS, 'mmsr_ext.datasets')
DATA_SAMPLERS = _child(mmagic.DATA_SAMPLERS, 'mmsr_ext.datasets')
TRANSFORMS = _child(mmagic.TRANSFORMS)
METRICS = _child(mmagic.METRICS, 'mmsr_ext.evaluation.metrics')
FUNCTIONS = _child(MMENGINE_FUNCTIONS, 'mmsr_ext.datasets')
EVALUATORS = _child(mmagic.EVALUATORS, 'mmsr_ext.evaluation.metrics')
HOOKS = _child(mmagic.HOOKS, 'mmsr_ext.engine')
LOOPS = _child(mmagic.LOOPS, 'mmsr_ext.engine')
LOG_PROCESSORS = _child(mmagic.LOG_PROCESSORS)
MODEL_WRAPPERS = _child(mmagic.MODEL_WRAPPERS, 'mmsr_ext.engine')
OPTIMIZERS = _child(mmagic.OPTIMIZERS)
OPTIM_WRAPPERS = _child(mmagic.OPTIM_WRAPPERS, 'mmsr_ext.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(mmagic.OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _child(mmagic.PARAM_SCHEDULERS)
RUNNERS = _child(mmagic.RUNNERS)
RUNNER_CONSTRUCTORS = _child(mmagic.RUNNER_CONSTRUCTORS)
TASK_UTILS = _child(mmagic.TASK_UTILS)
VISBACKENDS = _child(mmagic.VISBACKENDS)
VISUALIZERS = _child(mmagic.VISUALIZERS)
WEIGHT_INITIALIZERS = _child(mmagic.WEIGHT_INITIALIZERS, 'mmsr_ext.engine')
