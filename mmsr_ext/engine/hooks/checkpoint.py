"""Checkpoints that are never lost."""

from __future__ import annotations

import errno
from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook as StockCheckpointHook
from mmengine.runner import Runner

from ...arguments import check_value
from ...errors import InputError
from ...io.atomic import remove_unfinished, write_durably
from ...registry import HOOKS
from ..better import rule_of
from ..stock import between_updates, resumes, start_checkpoint
from .bounded_history import make_histories, make_plain

BACKEND = 'durable'


@register_backend(BACKEND)
class DurableBackend(LocalBackend):
    """MMEngine's backend for local files, writing each file whole, so that it survives a kill or a power cut.

    The content goes to a temporary name beside, is brought to the disk, and takes the name at once.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write ``obj`` to ``filepath``; on an error, such as a full disk, what was there remains.

        Raises:
            OSError: If the file cannot be written.
        """
        write_durably(Path(filepath), obj)


@HOOKS.register_module()
class CheckpointHook(StockCheckpointHook):
    """MMEngine's CheckpointHook, whose files are whole whenever the run is killed.

    - A file is written beside, brought to the disk and renamed; ``last_checkpoint`` is written in the same
      way after it, and the checkpoints that ``max_keep_ckpts`` and ``save_best`` drop are removed after that.
      MMEngine removes first.
    - When a file cannot be written, on a full disk say, the earlier ones stay and the run goes on and tries
      again at the next interval; at its end that is an error.
    - A run that is asked to stop is saved where it is (``StopHook``).
    - ``save_best`` knows which direction of a metric is better; a ``rule`` is needed for other metrics alone.
    - While gradients accumulate a checkpoint waits for the update, so that none is lost at resume.

    Args:
        *args: MMEngine's.
        **kwargs: MMEngine's. ``backend_args`` or an ``out_dir`` that is no local folder leave the writing to
            MMEngine.
    """

    backend_args: dict | None  # these are MMEngine's
    file_backend: Any
    keep_ckpt_ids: deque
    rules: list

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs['rule'] = _rules(kwargs.get('save_best'), kwargs.get('rule'))
        super().__init__(*args, **kwargs)
        check_value('CheckpointHook: max_keep_ckpts', self.max_keep_ckpts, int)
        if (
            self.backend_args is None
            and self.file_client_args is None
            and '://' not in str(self.out_dir or '')
        ):
            self.backend_args = dict(backend=BACKEND)
        self._due = False
        self._saved: int | None = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Write log histories as plain numbers, also in a run without ``BoundedHistoryHook``."""
        make_plain(checkpoint)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Make MMEngine's histories of the plain ones."""
        make_histories(checkpoint)

    def before_train(self, runner: Runner) -> None:
        """Find the folder, and clean up after a run that was killed."""
        hub = runner.message_hub
        start = start_checkpoint(runner)
        if resumes(runner) and start and Path(start).resolve().parent != Path(self._folder(runner)).resolve():
            # the run goes on in another folder: what it kept or thought best lies in the one before, and is
            # not to be removed
            for key in [
                key for key in hub.runtime_info if key == 'keep_ckpt_ids' or key.startswith('best_ckpt')
            ]:
                hub.pop_info(key)
        super().before_train(runner)
        if resumes(runner):
            self.last_ckpt = start_checkpoint(
                runner
            )  # as after writing it: save_best writes the last one again
        if is_main_process() and self._durable:
            remove_unfinished(self.out_dir)
            remove_unfinished(runner.work_dir)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Save, if it is time to."""
        if self.by_epoch:
            return
        self._due |= self.every_n_train_iters(runner, self.interval, self.save_begin)
        if self._due or self._stopping(runner) or (self.save_last and self.is_last_train_iter(runner)):
            self._save_checkpoint(runner)

    def after_val_stopped(self, runner: Runner) -> None:
        """Save the iteration during or after whose validation the run stops."""
        if not self.by_epoch and self._saved != runner.iter:
            self._save_checkpoint_with_step(runner, runner.iter, dict(epoch=runner.epoch, iter=runner.iter))

    after_early_stop = after_val_stopped  # a hook has stopped the run by what was measured

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if not between_updates(runner.optim_wrapper) and runner.iter + 1 < runner.max_iters:
            self._due = True  # gradients are not saved
            return
        self._due = False
        hub, name = runner.message_hub, self.filename_tmpl.format(step)
        runner.logger.info(f'Saving checkpoint {name}')
        path = self.file_backend.join_path(self.out_dir, name)
        runner.call_hook('gather_checkpoint', meta=meta)
        before = {key: hub.get_info(key) for key in ('keep_ckpt_ids', 'last_ckpt')}
        ids = [step]
        if self.max_keep_ckpts > 0:
            # with those to be removed, so that the next start removes them if this one is killed before it
            # does
            ids = [kept for kept in self.keep_ckpt_ids if kept != step] + ids
            hub.update_info('keep_ckpt_ids', list(ids))
        hub.update_info('last_ckpt', path)
        try:
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
            if is_main_process():
                write_durably(Path(runner.work_dir, 'last_checkpoint'), str(path).encode())
        except OSError as error:
            for key, value in before.items():
                if value is None:
                    hub.pop_info(key)
                else:
                    hub.update_info(key, value)
            self._complain(runner, path, error)
            return
        self.last_ckpt, self._saved = path, step
        if self.max_keep_ckpts > 0:
            self.keep_ckpt_ids = deque(ids[-self.max_keep_ckpts :], self.max_keep_ckpts)
            hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
            for old in ids[: -self.max_keep_ckpts] if is_main_process() else []:
                self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(old)))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint as MMEngine does, and remove the previous one after it."""
        if self.save_best in ('auto', ['auto']) and metrics:
            first = next(iter(metrics))
            self.rules = [rule_of(first, self.rules[0], 'CheckpointHook', 'save_best')]
        backend, info = self.file_backend, dict(runner.message_hub.runtime_info)
        best = {
            key: getattr(self, key) for key in ('best_ckpt_path', 'best_ckpt_path_dict') if hasattr(self, key)
        }
        self.file_backend = held = _RemovesLater(backend)
        try:
            super()._save_best_checkpoint(runner, metrics)
        except OSError as error:
            runner.message_hub.runtime_info.clear()
            runner.message_hub.runtime_info.update(info)
            self.__dict__.update(best)
            held.paths.clear()
            self._complain(runner, 'the best checkpoint', error)
        finally:
            self.file_backend = backend
        for path in held.paths:
            self._remove(path)

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)

    def _complain(self, runner: Runner, path: str, error: OSError) -> None:
        kept = (
            f'The last one that is whole is {self.last_ckpt}'
            if self.last_ckpt
            else 'Earlier ones stay as they are'
        )
        protected = error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
        cure = (
            f'{self.out_dir} is not writable: change that'
            if protected
            else f'Make room in {self.out_dir} (df -h, df -i)'
        )
        message = f'{path} could not be written: {error.strerror or error}. {kept}. {cure}'
        if self._stopping(runner) or runner.iter + 1 >= runner.max_iters:
            raise InputError(f'{message}, and go on with --resume.') from error
        runner.logger.error(f'{message}; the run goes on, and the next checkpoint is tried as usual.')

    def _folder(self, runner: Runner) -> str:
        return (
            runner.work_dir if self.out_dir is None else str(Path(self.out_dir, Path(runner.work_dir).name))
        )

    @property
    def _durable(self) -> bool:
        return self.backend_args == dict(backend=BACKEND)

    @staticmethod
    def _stopping(runner: Runner) -> bool:
        return getattr(runner.train_loop, 'stop_training', False)


class _RemovesLater:
    """A file backend that notes what is to be removed."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.paths: list[str] = []

    def remove(self, path: str) -> None:
        self.paths.append(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)


def _rules(save_best: str | list[str] | None, rule: str | list[str] | None) -> str | list[str] | None:
    """Return the rule of each metric, 'greater' or 'less'; a given one has to agree with the metric.

    Raises:
        InputError: If it does not, or the metric is not known and has no rule.
    """
    if not isinstance(save_best, (str, list)) or save_best == 'auto':
        return rule
    names = [save_best] if isinstance(save_best, str) else save_best
    given = [rule] if isinstance(rule, str) or rule is None else list(rule)
    if len(given) not in (1, len(names)):
        return rule  # MMEngine says so
    given *= len(names) if len(given) == 1 else 1
    return [rule_of(name, one, 'CheckpointHook', 'save_best') for name, one in zip(names, given)]
