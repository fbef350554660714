"""The billing book: pure functions over frozen dataclasses.

Everything here is arithmetic and rules: money, calendars, prices, taxes, ledgers, lifecycles. It imports the standard
library and nothing else, reads no clock, opens no socket and knows no table, so that each rule can be read and tested
by itself.
"""
