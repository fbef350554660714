"""The entitlements room: what a customer has.

Owns: the customer state, benefit grants, license keys, downloadables; later also access on GitHub and Discord.
Does not own: benefit definitions (catalog), subscriptions (billing), meters (usage); it reads them through their doors.
Words: a *state* is a customer with its active subscriptions, granted benefits and active meters, computed when asked.
A *scope* is the subscription or the order through which customers have benefits; it *entitles* to them or not, which
follows from what billing knows and is kept nowhere here. Its *holders* are its buyer, or whoever claimed a seat of it.
Invariants: one grant per customer, benefit and scope; after every change of a customer, of its subscriptions or of its
grants, `customer.state_changed` follows.
Traps: `past_due` is not active, though its grace keeps the benefits for some days; a subscription may carry a number of
seats that its plan has no use for; the state of a deleted customer is still told, without its external id; several
announcements may follow one action, and each tells the state of its own moment.
"""
