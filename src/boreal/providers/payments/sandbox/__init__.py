"""The sandbox: a payment processor with Stripe's public test cards, in our own database and without a network.

cards        which card number or well-known name behaves how
behaviours   what a bank answers: the pure rules
form         what a card form checks
vault        tokens and methods
intents      payments and setups
refunds      refunds
disputes     disputes
events       what happened, as durable rows and as calls of listeners
faults       what tests let go wrong
processor    all of it behind the ports `PaymentProcessor` and `CardForm`
"""

from boreal.providers.payments.sandbox.faults import Faults
from boreal.providers.payments.sandbox.processor import SandboxProcessor

__all__ = ["Faults", "SandboxProcessor"]
