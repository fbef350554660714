"""The catalog room: what is sold.

Owns: products, prices, discounts and their redemptions, custom fields, and the definitions of benefits.
Does not own: who bought what and under which price (billing), meters (usage), files (platform).
Words: a *static* price is known at purchase, a *metered* one is billed for usage; a *catalog* price is on the product,
an *ad hoc* one was made for one checkout session; a *live* price is a catalog price that is not archived; the *detail*
of a product is the product with its live prices.
Invariants: a product has a live price, at most one static one (held by an index), and metered ones only if it recurs;
a price belongs to the organization of its product; the billing cycle of a product never changes; a discount counts its
redemptions exactly, and a checkout session holds at most one.
Traps: a price is never edited, only replaced: subscriptions go on paying archived prices, so read those by id
(`read_prices`) and not from the detail. Ad hoc prices never show on the product. On the wire, seat based prices come
after metered ones; only the reply to a create keeps the order of the request. A deleted file stays attached to its
products and is not shown. Who reacts to `benefit.updated` is told whether it `is_material` or `is_deleted`.
"""
