"""Typesetting of documents."""
