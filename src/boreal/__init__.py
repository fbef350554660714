"""Boreal: an open-source, self-hostable merchant of record and billing platform.

The package is a house whose imports go down only: `main` puts everything together, `surfaces` is how people and
machines reach it, `rooms` is what it does, `providers` is the outside world, `kit` is mechanics without business, and
`core` is the billing book as pure functions.
"""
