"""The insights room: how business goes.

Owns: metrics and cost insights.
Does not own: a single fact of its own; it reads what the rooms below know.
Words: a *metric* is one number per period and one in total; *MRR* is recurring revenue normalised to a month.
Invariants: numbers come from orders, subscriptions and events as they are, never from copies.
Traps: MRR normalises to months exactly (52/12 weeks, 365/12 days) and respects the interval count.

Not built yet.
"""
