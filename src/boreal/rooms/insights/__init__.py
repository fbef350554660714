"""The insights room: how business goes.

Owns: metrics, what is kept of them and the triggers that mark changes; cost insights; reading events: lists, trees of
them with what they cost, and the names they have.
Does not own: a single fact of its own; it reads what the rooms below know.
Words: a *report* is what one request asks for; a *metric* is one number per period and one in total; *figures* are what
is counted, from which metrics follow; *MRR* is recurring revenue normalised to a month; *net* revenue is what is left
of it after fees and refunds; a *mark* says where in the past something has changed; a *trace* is an event and
everything below it.
Invariants: numbers are those that counting orders, subscriptions and events as they are would give; what is kept of
periods that are over holds only while no mark lies in it (`boreal check` counts it anew).
Traps: a report counts from its first local midnight to its last, although its first period may begin earlier; MRR
normalises to months exactly (52/12 weeks, 365/12 days) and respects the interval count; a total is computed from all
figures, also from those that the reply does not show.
"""
