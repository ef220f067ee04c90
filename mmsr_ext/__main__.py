"""The command mmsr, as python -m mmsr_ext."""

from .cli.mmsr import main

if __name__ == '__main__':
    main()
