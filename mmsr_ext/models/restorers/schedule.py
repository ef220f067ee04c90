"""Who is updated when."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...errors import InputError


@dataclass(frozen=True)
class Schedule:
    """The update schedule of a GAN, with MMEditing's meaning of the keys; it has no state.

    >>> schedule = Schedule.from_cfg(dict(disc_steps=2, disc_init_steps=4))
    >>> [step for step in range(10) if schedule.updates_generator(step)]
    [4, 6, 8]

    Args:
        disc_steps: The generator is updated at every ``disc_steps``-th step, the discriminator at every step.
        disc_init_steps: The generator is not updated before this step.
        disc_repeat: Updates of the discriminator in one step.

    Raises:
        InputError: If a value is not an integer or too small.
    """

    disc_steps: int = 1
    disc_init_steps: int = 0
    disc_repeat: int = 1

    def __post_init__(self) -> None:
        for name, least in [('disc_steps', 1), ('disc_init_steps', 0), ('disc_repeat', 1)]:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f'train_cfg: {name}={value!r} must be an integer of at least {least}.')

    @classmethod
    def from_cfg(cls, cfg: dict | None) -> Schedule:
        """Build from a restorer's ``train_cfg``.

        Raises:
            InputError: If it has another key than the three above.
        """
        cfg = dict(cfg or {})
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(cfg) - set(known))
        if unknown:
            raise InputError(f'train_cfg: unknown key {unknown[0]!r}; GANRestorer knows {", ".join(known)}.')
        return cls(**cfg)

    def updates_generator(self, step: int) -> bool:
        """Whether the generator is updated at ``step``, counted from 0."""
        return step >= self.disc_init_steps and step % self.disc_steps == 0
