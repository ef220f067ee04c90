"""The restorer: one training step for every adversarial recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from copy import deepcopy
from typing import Any, Literal, NamedTuple

import torch
from mmagic.structures import DataSample
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from ...arguments import Count, check_value
from ...engine.finite_guard import FiniteGuard, names_of
from ...engine.stock import accumulative_counts, keep_graph_buffers, send_without_waiting
from ...errors import InputError
from ...registry import MODELS
from ..losses import as_adversarial_loss
from .backward import PrecomputedGradient, backward, detached, scaled_sum, trainable_parameters
from .inference import add_predictions, read_test_cfg
from .schedule import Schedule
from .targets import Sharpened, Targets, targets_of

Mode = Literal['tensor', 'predict', 'loss']


class Predictions(NamedTuple):
    """The discriminator's logits; ``real`` is None where the loss does not compare the two."""

    real: Tensor | None
    fake: Tensor


@MODELS.register_module()
class GANRestorer(BaseModel):
    """A restorer of images, trained with or without a discriminator.

    The step is MMEditing's: it computes the generator's gradients, then the discriminator's, both with the
    discriminator's weights from before the step and on the same fake image. No network runs twice on the same
    input with the same weights: D(fake) and D(real) are computed once and serve both updates, and no graph is
    built through a generator that is not updated. A non-finite update is skipped in both networks
    (``FiniteGuard``).

    It takes the keys of MMagic's ``SRGAN``, ``ESRGAN``, ``RealESRGAN`` and ``BaseEditModel``. Without
    ``discriminator`` or ``gan_loss`` it trains the generator alone (SRResNet, EDSR, ...), and then also takes
    a single OptimWrapper.

    Source: Ledig et al. 2017 (SRGAN), algorithm of Goodfellow et al. 2014; the schedule is MMEditing 0.15's.

    Args:
        generator: Config of the generator, (N, C, h, w) to (N, C, h * scale, w * scale).
        discriminator: Config of the discriminator, (N, C, H, W) to logits of any shape.
        gan_loss: ``AdversarialLoss`` or MMagic's ``GANLoss``.
        pixel_loss: A module called with (output, target) that returns a scalar.
        perceptual_loss: A module called with (output, target) that returns (perceptual, style), either may be
            None.
        extra_losses: More losses of the generator by name, called with (output, target), each a scalar that
            is logged as ``loss_<name>``.
        gradient_penalty: A module called with (discriminator, real, fake), all of the discriminator's input
            size; its scalar is added to the discriminator's losses and logged as ``loss_gp``.
        train_cfg: ``disc_steps``, ``disc_init_steps``, ``disc_repeat``; see ``Schedule``.
        test_cfg: ``baseline='bicubic'`` adds the bicubically upsampled input to every prediction, as
            ``bicubic_img``; ``baseline='input'`` the input itself, as ``input_img``, where the output has its
            size. ``tile`` and ``overlap``, in pixels of the input, cut images into tiles; see
            ``TiledGenerator``. By default only those are cut for which memory is too small.
        init_cfg: See MMEngine's BaseModule.
        data_preprocessor: ``ImagePreprocessor``, MMagic's ``DataPreprocessor`` or one of the same interface.
        channels_last: Keep networks and images in channels-last memory format; same results, faster
            convolutions.
        compile: Networks to run through ``torch.compile`` in training, with its arguments:
            ``dict(generator=dict(mode='default'), discriminator=dict())``. Sizes of training crops are fixed;
            validation stays uncompiled.
        is_use_sharpened_gt_in_pixel: Compare with ``gt_unsharp`` of the samples in the pixel loss, as
            MMagic's ``RealESRGAN`` does; ``RealESRGANDegradation`` sharpens by itself.
        is_use_sharpened_gt_in_percep: Likewise in the perceptual loss.
        is_use_sharpened_gt_in_gan: Likewise show it to the discriminator as real.
        is_use_ema: Keep a copy of the generator, ``generator_ema``, for MMagic's
            ``ExponentialMovingAverageHook``, and predict with it. ``GeneratorEMAHook`` needs no copy.
        disc_loss: Of MMagic's ``DeblurGanV2``, like the next two: its configs can be built and measured.
            Training asks for ``gan_loss``.
        adv_lambda: See ``disc_loss``.
        warmup_num: See ``disc_loss``.

    Raises:
        InputError: For unknown keys of ``train_cfg``, ``test_cfg`` and ``compile``, or weights of a loss that
            cannot be downloaded.
    """

    data_preprocessor: Any
    step_counter: Tensor

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        gan_loss: dict | None = None,
        pixel_loss: dict | None = None,
        perceptual_loss: dict | None = None,
        extra_losses: dict[str, dict] | None = None,
        gradient_penalty: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        channels_last: bool = False,
        compile: dict[str, dict] | None = None,
        is_use_sharpened_gt_in_pixel: bool = False,
        is_use_sharpened_gt_in_percep: bool = False,
        is_use_sharpened_gt_in_gan: bool = False,
        is_use_ema: bool = False,
        disc_loss: dict | str | None = None,
        adv_lambda: float | None = None,
        warmup_num: Count | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        send_without_waiting(self.data_preprocessor)  # else each transfer would wait for the step before
        self.schedule = Schedule.from_cfg(train_cfg)
        self.generator: Any = MODELS.build(generator)
        self.discriminator: Any = MODELS.build(discriminator) if discriminator else None
        self.pixel_loss = _build_loss('pixel_loss', pixel_loss)
        self.perceptual_loss = _build_loss('perceptual_loss', perceptual_loss)
        self.extra_losses = nn.ModuleDict(
            {name: _build_loss(name, loss) for name, loss in (extra_losses or {}).items()}
        )
        self.gradient_penalty: Any = MODELS.build(gradient_penalty) if gradient_penalty else None
        self.gan_loss: Any = as_adversarial_loss(MODELS.build(gan_loss)) if gan_loss else None
        self.adversarial = self.discriminator is not None and self.gan_loss is not None
        self.sharpened = Sharpened(
            is_use_sharpened_gt_in_pixel, is_use_sharpened_gt_in_percep, is_use_sharpened_gt_in_gan
        )
        self.generator_ema = deepcopy(self.generator).requires_grad_(False) if is_use_ema else None
        self._deblurgan_v2 = {
            name
            for name, value in dict(disc_loss=disc_loss, adv_lambda=adv_lambda, warmup_num=warmup_num).items()
            if value is not None
        }
        self._relativistic = getattr(self.gan_loss, 'relativistic', False)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.baseline, self.tiled_generator = read_test_cfg(test_cfg, self.memory_format)
        for module in filter(
            None,
            (
                self.generator,
                self.generator_ema,
                self.discriminator,
                self.perceptual_loss,
                self.extra_losses,
            ),
        ):
            module.to(memory_format=self.memory_format)
        # what training runs in the place of a network, outside the module tree
        self._trained: dict[str, Any] = self._compiled(compile or {})
        self._micro_step = 0
        self.guard = FiniteGuard()
        self._images: list[str] = []
        if self.adversarial:
            # Saved with the weights, so that a resumed run, or one that starts from a trained discriminator,
            # goes on in its schedule; read back to the host after loading only.
            self.register_buffer('step_counter', torch.tensor(0))

    # -- training ----------------------------------------------------------------------------------------

    def train_step(self, data: Any, optim_wrapper: OptimWrapper | OptimWrapperDict) -> dict[str, Tensor]:
        """Run one iteration: forward, losses, backward, and the updates that the schedule asks for.

        Args:
            data: A batch as the data preprocessor takes it.
            optim_wrapper: ``OptimWrapperDict``, or a dict, with ``generator`` and ``discriminator``; without
                a discriminator also a single ``OptimWrapper``.

        Returns:
            Scalars to log, on the device: ``loss_*`` and, with a discriminator, ``d_real`` and ``d_fake``,
            the means of its logits, and ``p_real`` and ``p_fake``, those of its probabilities, where
            ``gan_loss`` has them; without one ``loss``, the sum of the losses. Gradient norms are logged by
            the optimizer wrappers that clip.

        Raises:
            InputError: If the batch's images are not stacked, there is no loss, or the optimizers do not fit
                the networks.
        """
        if self._deblurgan_v2:
            raise InputError(
                f"GANRestorer does not train by {' and '.join(sorted(self._deblurgan_v2))} of MMagic's "
                "DeblurGanV2. Instead give the model gan_loss=dict(type='mmsr_ext.AdversarialLoss', "
                "gan_type='lsgan', relativistic='average', loss_weight=0.001) and a discriminator such as "
                "dict(type='mmsr_ext.PatchGANDiscriminator'), or leave type='mmagic.DeblurGanV2'."
            )
        names = names_of(data)
        batch = self.data_preprocessor(data, True)
        if not isinstance(batch['inputs'], Tensor):
            raise InputError(
                "GANRestorer: the batch's images are not stacked. Give the model "
                "data_preprocessor=dict(type='ImagePreprocessor', mean=0, std=255)."
            )
        lq = batch['inputs'].contiguous(memory_format=self.memory_format)
        targets = self._targets(batch['data_samples'])
        self._images = names
        if self.adversarial:
            return self._adversarial_step(lq, targets, optim_wrapper)
        return self._plain_step(lq, targets, optim_wrapper)

    def _targets(self, data_samples: Any) -> Targets:
        return targets_of(data_samples, self.data_preprocessor, self.sharpened, self.memory_format)

    def _plain_step(
        self, lq: Tensor, targets: Targets, optim_wrapper: OptimWrapper | OptimWrapperDict
    ) -> dict[str, Tensor]:
        wrapper: Any = (
            optim_wrapper['generator']
            if isinstance(optim_wrapper, (OptimWrapperDict, Mapping))
            else optim_wrapper
        )
        with wrapper.optim_context(self):
            losses = self._content_losses(self._network('generator')(lq), targets)
        if not losses:
            raise InputError(
                'GANRestorer has nothing to learn from: give the model a pixel_loss, a perceptual_loss, or '
                'a discriminator with a gan_loss.'
            )
        logs = detached(losses)
        wrapper.grad_name = 'grad_norm'
        loss: Any = sum(losses.values())
        wrapper.backward(wrapper.scale_loss(loss))
        self._update({'generator': wrapper}, logs)
        return logs | detached({'loss': loss})

    def _adversarial_step(
        self, lq: Tensor, targets: Targets, optim_wrapper: OptimWrapper | OptimWrapperDict
    ) -> dict[str, Tensor]:
        if not isinstance(optim_wrapper, (OptimWrapperDict, Mapping)):
            raise InputError(
                'GANRestorer with a discriminator needs an optimizer for each network: optim_wrapper=dict('
                "constructor='MultiOptimWrapperConstructor', generator=dict(optimizer=...), "
                'discriminator=dict(optimizer=...)).'
            )
        opt_g, opt_d, real = optim_wrapper['generator'], optim_wrapper['discriminator'], targets.real
        update_g = self.schedule.updates_generator(self._micro_step // self._accumulation(opt_g, opt_d))
        self._micro_step += 1
        self.step_counter += 1

        # 1. The generator makes the fake image; without a graph where it is not updated. The losses see a
        # leaf that ends the generator's graph, so that each network's graph is freed before the next one's is
        # built, except the discriminator's, which serves both updates.
        with opt_g.optim_context(self), torch.set_grad_enabled(update_g):
            fake = self._network('generator')(lq)
        fake_leaf = fake.detach().requires_grad_(update_g)

        # 2. The generator's gradients, with the discriminator's weights from before the step.
        logs: dict[str, Tensor] = {}
        if update_g:
            predictions = self._generator_backward(fake, fake_leaf, targets, optim_wrapper, logs)
        else:
            predictions = self._discriminate(real, fake_leaf, opt_d)

        # 3. The discriminator's gradients from the same predictions; then both networks are updated, or none.
        fake_leaf = fake_leaf.detach()
        for repeat in range(self.schedule.disc_repeat):
            if repeat:
                predictions = self._discriminate(real, fake_leaf, opt_d)
            self._discriminator_backward(predictions, real, fake_leaf, opt_d, logs)
            updated = {'generator': opt_g} if update_g and not repeat else {}
            self._update(updated | {'discriminator': opt_d}, logs)
        return logs

    def _generator_backward(
        self,
        fake: Tensor,
        fake_leaf: Tensor,
        targets: Targets,
        optim_wrapper: Mapping[str, Any] | OptimWrapperDict,
        logs: dict[str, Tensor],
    ) -> Predictions:
        """Compute the generator's gradients; return the predictions, whose graph the discriminator needs."""
        opt_g = optim_wrapper['generator']
        # the gradient of the content losses with respect to the image
        with opt_g.optim_context(self):
            losses = self._content_losses(fake_leaf, targets)
        if losses:
            scaled_sum(opt_g, losses).backward(inputs=[fake_leaf])
        logs |= detached(losses)
        # to it is added the gradient of the adversarial loss with respect to the image
        predictions = self._discriminate(targets.real, fake_leaf, optim_wrapper['discriminator'])
        with opt_g.optim_context(self):
            losses = self.gan_loss.generator(predictions.fake, predictions.real)
        scaled_sum(opt_g, losses).backward(inputs=[fake_leaf], retain_graph=True)
        logs |= detached(losses)
        # the sum of the two goes backward through the generator
        backward(opt_g, PrecomputedGradient.apply(fake, fake_leaf.grad), self.generator, 'generator')
        return predictions

    def _discriminator_backward(
        self,
        predictions: Predictions,
        real: Tensor,
        fake_leaf: Tensor,
        opt_d: OptimWrapper,
        logs: dict[str, Tensor],
    ) -> None:
        """Compute the discriminator's gradients from predictions whose graph is still there."""
        pred_real, pred_fake = predictions
        d_fake = pred_fake.detach()
        remaining_fake: Tensor | None = pred_fake
        if not self._relativistic:
            # each prediction has a loss of its own, and the graph of one is freed before the other's is built
            with opt_d.optim_context(self):
                losses = self.gan_loss.discriminator(None, pred_fake)
            scaled_sum(opt_d, losses).backward(inputs=trainable_parameters(self.discriminator))
            logs |= detached(losses)
            pred_real, remaining_fake = self._run_discriminator(real, opt_d), None
        assert pred_real is not None
        with opt_d.optim_context(self):
            losses = self.gan_loss.discriminator(pred_real, remaining_fake)
            if self.gradient_penalty is not None:
                losses['loss_gp'] = self.gradient_penalty(self.discriminator, real, fake_leaf)
        backward(opt_d, opt_d.scale_loss(sum(losses.values())), self.discriminator, 'discriminator')
        d_real = pred_real.detach()
        logs |= detached(losses) | {'d_real': d_real.mean(), 'd_fake': d_fake.mean()}
        if hasattr(self.gan_loss, 'probabilities'):
            logs |= self.gan_loss.probabilities(d_real, d_fake)

    def _discriminate(self, real: Tensor, fake: Tensor, opt_d: OptimWrapper) -> Predictions:
        """Run the discriminator on what the next loss needs: on real too, if the loss compares the two."""
        pred_real = self._run_discriminator(real, opt_d) if self._relativistic else None
        return Predictions(pred_real, self._run_discriminator(fake, opt_d, last=self._relativistic))

    def _run_discriminator(self, images: Tensor, wrapper: OptimWrapper, last: bool = True) -> Tensor:
        """Return the logits; processes exchange gradients in the backward of the ``last`` run only."""
        network = self._network('discriminator')
        with (
            wrapper.optim_context(self),
            nullcontext() if last or not hasattr(network, 'no_sync') else network.no_sync(),
        ):
            return network(images)

    def _update(self, wrappers: dict[str, OptimWrapper], logs: dict[str, Tensor]) -> None:
        """Step the optimizers whose gradients are complete."""
        wrappers = {name: wrapper for name, wrapper in wrappers.items() if wrapper.should_update()}
        self.guard.step(wrappers, {name: getattr(self, name) for name in wrappers}, logs, self._images)

    def _content_losses(self, output: Tensor, targets: Targets) -> dict[str, Tensor]:
        losses: dict[str, Tensor | None] = {}
        if self.pixel_loss is not None:
            losses['loss_pix'] = self.pixel_loss(output, targets.pixel)
        if self.perceptual_loss is not None:
            losses['loss_perceptual'], losses['loss_style'] = self.perceptual_loss(output, targets.perceptual)
        losses |= {f'loss_{name}': loss(output, targets.pixel) for name, loss in self.extra_losses.items()}
        return {name: loss for name, loss in losses.items() if loss is not None}

    def _accumulation(self, opt_g: OptimWrapper, opt_d: OptimWrapper) -> int:
        """Return the number of micro-batches in one step of the schedule."""
        counts = accumulative_counts(opt_g), accumulative_counts(opt_d)
        if counts[0] != counts[1]:
            raise InputError(
                f'accumulative_counts is {counts[0]} for the generator and {counts[1]} for the '
                'discriminator; the two must be equal, because both learn from the same batch.'
            )
        if counts[0] > 1 and self.schedule.disc_repeat > 1:
            raise InputError(
                f'accumulative_counts={counts[0]} cannot be combined with '
                f'disc_repeat={self.schedule.disc_repeat}: a second update would need the earlier '
                'micro-batches again. Set one of them to 1.'
            )
        return counts[0]

    # -- processes ---------------------------------------------------------------------------------------

    def parallelize(self, wrap: Callable[[str, nn.Module], nn.Module]) -> None:
        """Run the training step through wrappers of the generator and the discriminator.

        They stay outside the module tree: state_dict keys do not change, and validation calls the bare
        networks.

        Args:
            wrap: Makes the wrapper of a network out of its name, 'generator' or 'discriminator', and the
                network; called for each one that has trainable parameters.
        """
        for name in ('generator', 'discriminator'):
            network = getattr(self, name)
            if network is not None and any(parameter.requires_grad for parameter in network.parameters()):
                self._trained[name] = wrap(name, self._network(name))

    def _network(self, name: str) -> Any:
        return self._trained[name] if name in self._trained else getattr(self, name)

    def _compiled(self, options: dict[str, dict]) -> dict[str, Any]:
        networks = {
            name: getattr(self, name)
            for name in ('generator', 'discriminator')
            if getattr(self, name) is not None
        }
        unknown = sorted(options.keys() - networks.keys())
        if unknown:
            raise InputError(
                f'compile: {unknown[0]!r} is not a network of this model, which has {", ".join(networks)}. '
                'The perceptual network has a switch of its own: perceptual_loss=dict(compile=dict()).'
            )
        if 'discriminator' in options:
            keep_graph_buffers()
        return {
            name: torch.compile(networks[name], dynamic=False, **given) for name, given in options.items()
        }

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Do not exchange gradients between processes; entered by the OptimWrapper while it accumulates."""
        with ExitStack() as stack:
            for name in ('generator', 'discriminator'):
                network = self._network(name)
                if hasattr(network, 'no_sync'):
                    stack.enter_context(network.no_sync())
            yield

    # -- inference ---------------------------------------------------------------------------------------

    def forward(
        self, inputs: Tensor, data_samples: Any = None, mode: Mode = 'tensor'
    ) -> Tensor | list[DataSample] | dict:
        """Run the generator.

        Args:
            inputs: (N, C, h, w), as the data preprocessor gives it.
            data_samples: What the data preprocessor made of the batch's samples.
            mode: 'tensor' for the network's output, 'predict' for data samples with ``output.pred_img``,
                'loss' for the losses other than the adversarial one.

        Returns:
            ``pred_img`` is what a saved image would hold: float tensor (C, H, W) in BGR, integers in
            [0, 255]. It stays on the device, so that the next image need not wait for its transfer.

        Raises:
            InputError: For another mode.
        """
        check_value('mode', mode, Mode)
        network = self.generator if self.generator_ema is None or mode == 'loss' else self.generator_ema
        if mode == 'predict':
            output = self.tiled_generator.output(network, inputs)
            return add_predictions(data_samples, inputs, output, self.data_preprocessor, self.baseline)
        output = network(inputs.contiguous(memory_format=self.memory_format))
        if mode == 'tensor':
            return output
        return self._content_losses(output, self._targets(data_samples))

    # -- state -------------------------------------------------------------------------------------------

    def init_weights(self) -> None:
        """See MMEngine's BaseModule; the average starts from the generator, not from weights of its own."""
        super().init_weights()
        if self.generator_ema is not None:
            self.generator_ema.load_state_dict(self.generator.state_dict())

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        if self.adversarial:
            # checkpoints of other frameworks have no such counter
            state_dict.setdefault(f'{prefix}step_counter', torch.tensor(0))
        own, average = f'{prefix}generator.', f'{prefix}generator_ema.'
        if self.generator_ema is not None and not any(key.startswith(average) for key in state_dict):
            state_dict |= {
                average + key.removeprefix(own): value
                for key, value in state_dict.items()
                if key.startswith(own)
            }
        super()._load_from_state_dict(state_dict, prefix, *args)
        if self.adversarial:
            self._micro_step = int(self.step_counter)


def _build_loss(name: str, cfg: dict | None) -> Any:
    try:
        return MODELS.build(cfg) if cfg else None
    except OSError as error:  # MMagic's perceptual loss downloads torchvision's weights
        raise InputError(
            f'{name}: the weights of {dict(cfg or {}).get("type")} could not be downloaded ({error}). '
            "mmsr_ext.PerceptualLoss takes a file of torchvision's as pretrained='path/to/it', or those that "
            "come with the package: layer_weights=dict(_delete_=True, VGG22=1.0), pretrained='builtin'."
        ) from error
