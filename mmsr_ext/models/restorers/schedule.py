"""The update schedule: which network is updated at which step."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import get_type_hints

from mmengine.logging import print_log

from ...arguments import Count, Size, check_value, nearest
from ...errors import InputError


@dataclass(frozen=True)
class Schedule:
    """Which network is updated at which step, with MMEditing's meaning of the keys; it has no state.

    >>> schedule = Schedule.from_cfg(dict(disc_steps=2, disc_init_steps=4))
    >>> [step for step in range(10) if schedule.updates_generator(step)]
    [4, 6, 8]

    Args:
        disc_steps: The generator is updated at every ``disc_steps``-th step, the discriminator at every step.
        disc_init_steps: The generator is not updated before this step.
        disc_repeat: Updates of the discriminator in one step.

    Raises:
        InputError: If a value is not an integer or too small.

    Example:
        >>> schedule = Schedule(disc_steps=2, disc_init_steps=3)
        >>> [schedule.updates_generator(step) for step in range(7)]
        [False, False, False, False, True, False, True]
    """

    disc_steps: Size = 1
    disc_init_steps: Count = 0
    disc_repeat: Size = 1

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            check_value(f'train_cfg: {name}', getattr(self, name), hint)

    @classmethod
    def from_cfg(cls, cfg: dict | None) -> Schedule:
        """Build from a restorer's ``train_cfg``.

        ``start_iter`` of MMagic's RealESRGAN, which MMagic does not read, is a line in the log.

        Raises:
            InputError: If it has another key than the three above.
        """
        cfg = dict(cfg or {})
        without_effect('train_cfg', cfg, ['start_iter'], 'an average starts with the generator it is of')
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(cfg) - set(known))
        if unknown:
            advice = nearest(unknown[0], known) or f'GANRestorer knows {", ".join(known)}.'
            raise InputError(f'train_cfg: unknown key {unknown[0]!r}; {advice}')
        return cls(**cfg)

    def updates_generator(self, step: int) -> bool:
        """Return whether the generator is updated at ``step``, counted from 0."""
        return step >= self.disc_init_steps and step % self.disc_steps == 0


def without_effect(section: str, cfg: dict, names: list[str], instead: str) -> None:
    """Take keys out of a section that MMagic's configs have and MMagic does not read, and log them.

    Args:
        section: Name of the section.
        cfg: The section; changed in place.
        names: The keys.
        instead: What takes their place.
    """
    found = [name for name in names if cfg.pop(name, None) is not None]
    if found:
        print_log(
            f'{section}: {" and ".join(found)} has no effect, in MMagic neither; {instead}.',
            'current',
            logging.WARNING,
        )
