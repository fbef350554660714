"""The command `boreal`, also as `python -m boreal`."""

import gc
from importlib import import_module


def main() -> None:
    """Loads Boreal without looking for garbage, of which loading makes none, and runs the command."""
    gc.disable()
    cli = import_module("boreal.main").cli
    gc.enable()
    cli()


if __name__ == "__main__":
    main()
