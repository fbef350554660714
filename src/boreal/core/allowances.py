"""Whether usage may happen: asked before it does, answered by what is left, and taken off at once.

Asks are answered one after the other, each with what those before it left. Usage of one meter may count for others,
too, so that an ask takes off everything that its event adds. An ask that goes without its event takes nothing, and
what happened once, by the name that its event has, does not happen again:

>>> left = {"tokens": Decimal(50)}
>>> asks = [Ask("tokens", {"tokens": Decimal(30)}, event="a"), Ask("tokens", {"tokens": Decimal(30)}, event="b"),
...         Ask("tokens", {"tokens": Decimal(30)}, event="a"), Ask("tokens", {"tokens": Decimal(20)}, event="c")]
>>> [(answer.allowed, answer.repeated, int(answer.balance)) for answer in answers(left, asks)]
[(True, False, 20), (False, False, 20), (True, True, 20), (True, False, 0)]
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish to use units of what `of` names. `adds` is what the event adds to each balance, `of` included.

    With `overage` it may happen in any case. `event` is the name by which the event is known when it is sent again.
    """

    of: Hashable
    adds: Mapping[Hashable, Decimal]
    overage: bool = False
    event: Hashable | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it may happen, what is left after it, and whether it is `repeated`: it had happened before."""

    allowed: bool
    balance: Decimal
    repeated: bool = False


def answers(
    balances: Mapping[Hashable, Decimal], asks: Sequence[Ask], *, known: Collection[Hashable] = ()
) -> list[Answer]:
    """The answers in the order of the asks; `known` are the names of events that happened already."""
    left = dict(balances)
    happened = set(known)
    found = []
    for ask in asks:
        repeated = ask.event is not None and ask.event in happened
        allowed = repeated or ask.overage or left[ask.of] >= ask.adds[ask.of]
        if allowed and not repeated:
            for name, units in ask.adds.items():
                if name in left:
                    left[name] -= units
            if ask.event is not None:
                happened.add(ask.event)
        found.append(Answer(allowed, left[ask.of], repeated))
    return found
