"""The entitlements room: what a customer has.

Owns: the customer state; later also benefit grants, license keys, downloadables, and access on GitHub and Discord.
Does not own: benefit definitions (catalog), subscriptions (billing), meters (usage); it reads them through their doors.
Words: a *state* is a customer with its active subscriptions, granted benefits and active meters, computed when asked.
Invariants: after every change of a customer or of its subscriptions, `customer.state_changed` follows.
Traps: `past_due` is not active; the state of a deleted customer is still told, without its external id; several
announcements may follow one action, and each tells the state of its own moment.
"""
