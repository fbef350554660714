"""How people and machines reach Boreal: the HTTP app, the pages, the command line, the worker.

A surface decides how something looks or is typed, and holds no rule of the business.
"""
