"""List the networks that come with the package: mmsr models"""

from __future__ import annotations

import argparse

DESCRIPTION = 'List the networks that come with the package; -c NAME uses one.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('name', nargs='?', help='print all that is known of this one')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    import json

    from ..io.markdown import markdown_table
    from ..pretrained import card_of, names

    if args.name:
        print(json.dumps(card_of(args.name), indent=2))
        return
    cards = {name: card_of(name) for name in names()}
    head = ['name', 'scale', 'architecture', 'kB', 'licence', 'for']
    rows = [
        [
            name,
            card['scale'],
            card['architecture'],
            round(card['resources'][0]['size'] / 1000),
            card['license'],
            card['description'].split('. ')[0],
        ]
        for name, card in cards.items()
    ]
    print('\n'.join(markdown_table([head, *rows])))
