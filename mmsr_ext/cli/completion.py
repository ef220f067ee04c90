"""Completion of mmsr's commands, options and files in a shell."""

from __future__ import annotations

import argparse
import importlib

SCRIPTS = {
    'bash': """_mmsr() {{
    local words="{commands}"
    if [ "$COMP_CWORD" -gt 1 ]; then
        case "${{COMP_WORDS[1]}}" in
{cases}
        *) words="" ;;
        esac
    fi
    local current="${{COMP_WORDS[COMP_CWORD]}}"
    COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}}
complete -o filenames -F _mmsr mmsr""",
    'zsh': """autoload -U +X bashcompinit && bashcompinit
{bash}""",
    'fish': """complete -c mmsr -n __fish_use_subcommand -a "{commands}"
{lines}""",
}


def completion_script(shell: str) -> str:
    """Return the script that a shell evaluates.

    Args:
        shell: 'bash', 'zsh' or 'fish'.
    """
    options = _options()
    cases = '\n'.join(f'        {name}) words="{" ".join(words)}" ;;' for name, words in options.items())
    bash = SCRIPTS['bash'].format(commands=' '.join(options), cases=cases)
    if shell == 'fish':
        lines = '\n'.join(
            f'complete -c mmsr -n "__fish_seen_subcommand_from {name}" -l {word.removeprefix("--")}'
            for name, words in options.items()
            for word in words
        )
        return SCRIPTS['fish'].format(commands=' '.join(options), lines=lines)
    return bash if shell == 'bash' else SCRIPTS['zsh'].format(bash=bash)


def _options() -> dict[str, list[str]]:
    """Return the long options of every command."""
    from .mmsr import COMMANDS

    options = {}
    for name, (module, _) in COMMANDS.items():
        parser = argparse.ArgumentParser(add_help=False)
        importlib.import_module(f'{__package__}.{module}').add_arguments(parser)
        words = [word for action in parser._actions for word in action.option_strings]
        options[name] = sorted(word for word in words if word.startswith('--'))
    return options
