"""MMagic's evaluator, without the metrics that it is imported with."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.evaluator import Evaluator as StockEvaluator
from mmengine.model import BaseModel
from torch.utils.data import DataLoader

from ...errors import InputError
from ...registry import EVALUATORS
from .image_metric import ImageMetric


@EVALUATORS.register_module()
class Evaluator(StockEvaluator):
    """The evaluator of MMEngine's loops and of MMagic's, with metrics of this package and of both.

    Metrics that are to be shown the same images share one pass over them. MMagic's class of this name does
    the same; importing it imports all of MMagic's models. It asks metrics for more than MMEngine does; here
    any ``mmengine.evaluator.BaseMetric`` is one.

    Args:
        metrics: The metrics; without any the images are made and not measured.

    Raises:
        InputError: For an object that is no ``BaseMetric``, and for two metrics of one name.
    """

    def __init__(self, metrics: Any = None) -> None:
        super().__init__(metrics or [])
        names: dict[str, BaseMetric] = {}
        for metric in self.metrics:
            if not isinstance(metric, BaseMetric):
                raise InputError(
                    f'Evaluator: {metric!r} is no metric; expected a subclass of '
                    'mmengine.evaluator.BaseMetric, with process(data_batch, data_samples) and '
                    "compute_metrics(results), or a dict, such as dict(type='PSNR')."
                )
            name = '/'.join(filter(None, (metric.prefix, getattr(metric, 'metric', ''))))
            if isinstance(metric, ImageMetric) and names.setdefault(name, metric) is not metric:
                raise InputError(
                    f'Evaluator: two metrics are both called {name}; give one of them a prefix in the config.'
                )
        self.is_ready = False
        self.dataset: Any = ()

    def prepare_metrics(self, module: BaseModel, dataloader: DataLoader) -> None:
        """Let the metrics prepare themselves, the first time."""
        self.dataset = dataloader.dataset
        if not self.is_ready:
            for metric in self.metrics:
                if hasattr(metric, 'prepare'):
                    metric.prepare(module, dataloader)
        self.is_ready = True

    def prepare_samplers(
        self, module: BaseModel, dataloader: DataLoader
    ) -> list[tuple[list[BaseMetric], Any]]:
        """Group the metrics by the batches that they are shown."""
        groups: dict[tuple, list[BaseMetric]] = {}
        for metric in self.metrics:
            kind = (
                getattr(metric, 'SAMPLER_MODE', 'normal'),
                getattr(metric, 'sample_model', 'orig'),
                getattr(metric, 'need_cond_input', None),
            )
            groups.setdefault(kind, []).append(metric)
        pairs = []
        for metrics in groups.values():
            sampling: Any = next((one for one in metrics if hasattr(one, 'get_metric_sampler')), None)
            shown = sampling.get_metric_sampler(module, dataloader, metrics) if sampling else dataloader
            pairs.append((metrics, shown))
        return pairs or [([], dataloader)]

    def process(
        self,
        data_samples: Sequence[Any],
        data_batch: Any = None,
        metrics: Sequence[BaseMetric] | None = None,
    ) -> None:
        """Show a batch, and what the model made of it, to the metrics.

        Args:
            data_samples: What the model made of it.
            data_batch: The batch as it was loaded.
            metrics: Those that it is for, as MMagic's loops give them; all by default.
        """
        samples = [sample.to_dict() if hasattr(sample, 'to_dict') else sample for sample in data_samples]
        for metric in self.metrics if metrics is None else metrics:
            metric.process(data_batch, samples)

    def evaluate(self, size: int | None = None) -> dict[str, float]:
        """Return all metrics by name.

        Args:
            size: Length of the test set, as MMEngine's loops give it; by default that of the one which
                ``prepare_metrics`` was given.

        Raises:
            ValueError: If two of them have one name.
        """
        results: dict[str, float] = {}
        for metric in self.metrics:
            for name, value in self._evaluate(metric, size).items():
                if name in results:
                    raise ValueError(
                        f'two metrics are both called {name}; give one of them a prefix in the config.'
                    )
                results[name] = value
        return results

    def _evaluate(self, metric: BaseMetric, size: int | None) -> dict[str, float]:
        """Call a metric's ``evaluate``, which with most of MMagic's takes no size: ``prepare`` gives it."""
        if 'size' in inspect.signature(metric.evaluate).parameters:
            return metric.evaluate(len(self.dataset) if size is None else size)
        if size is not None:
            metric.size = size
        return metric.evaluate()
