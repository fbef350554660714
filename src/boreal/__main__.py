"""`python -m boreal`."""

from boreal.main import cli

cli()
