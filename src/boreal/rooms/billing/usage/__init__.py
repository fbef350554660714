"""Usage on bills: which subscription pays for what a customer uses of a meter, by which price, and what is due so far.

A *span* is a customer's usage of a meter from one place in the order of events to another; the one that goes on has no
end yet. It belongs to one subscription and one price, and an order takes it once.
"""
