"""Mechanics that never heard of billing: the database, transactions, background work, lists, routes, secrets.

A module here could be a library of its own. None of them says a business noun; the rooms bring the nouns.
"""
