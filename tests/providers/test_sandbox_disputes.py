"""Disputes of the sandbox: how they arise, what they forbid, how they end."""

import pytest

from boreal.providers.ports import ProcessorRefused, RefundRequest

ARISING = [
    ("pm_card_createDispute", [("needs_response", "fraudulent", 1000, 1500)]),
    ("pm_card_createDisputeProductNotReceived", [("needs_response", "product_not_received", 1000, 1500)]),
    ("pm_card_createDisputeInquiry", [("needs_response", "general", 1000, 0)]),
    ("pm_card_createIssuerFraudRecord", [("early_warning", "made_with_stolen_card", 1000, 0)]),
    ("pm_card_createMultipleDisputes", [("needs_response", "fraudulent", 500, 1500)] * 2),
    ("pm_card_visa", []),
]


async def disputes_of(bank):
    events = (await bank.processor.events_since(None)).events
    return [await bank.processor.get_dispute(event.object_id) for event in events if event.kind == "dispute"]


@pytest.mark.parametrize(("card", "expected"), ARISING)
async def test_how_they_arise(bank, card, expected):
    payment = await bank.pay(card)
    disputes = await disputes_of(bank)
    assert [(each.status, each.reason, each.amount, each.fee) for each in disputes] == expected
    assert {(each.payment, each.charge, each.currency) for each in disputes} <= {(payment.id, payment.charge.id, "usd")}


async def test_a_payment_that_was_taken_back_cannot_be_refunded(bank):
    payment = await bank.pay("pm_card_createDispute")
    (dispute,) = await disputes_of(bank)
    refund = RefundRequest(payment=payment.id, amount=1000)
    with pytest.raises(ProcessorRefused, match="charge_disputed"):
        await bank.processor.refund(refund, idempotency_key="r")
    for status in ("under_review", "won"):
        assert (await bank.processor.move_dispute(dispute.id, status)).status == status
    assert (await bank.processor.refund(refund, idempotency_key="r")).status == "succeeded"


@pytest.mark.parametrize("card", ["pm_card_createDisputeInquiry", "pm_card_createIssuerFraudRecord"])
async def test_giving_the_money_back_prevents(bank, card):
    payment = await bank.pay(card)
    for amount, status in ((400, {"needs_response", "early_warning"}), (600, {"prevented"})):
        await bank.processor.refund(RefundRequest(payment=payment.id, amount=amount), idempotency_key=f"r{amount}")
        seen = await disputes_of(bank)
        assert seen[0].status in status
    assert len(seen) == 2, "it arose, and it ended"


async def test_only_what_can_follow(bank):
    await bank.pay("pm_card_createDispute")
    (dispute,) = await disputes_of(bank)
    assert (await bank.processor.move_dispute(dispute.id, "prevented")).fee == 0
    assert (await bank.processor.move_dispute(dispute.id, "needs_response")).fee == 1500
    await bank.processor.move_dispute(dispute.id, "lost")
    for status in ("won", "needs_response", "prevented"):
        with pytest.raises(ProcessorRefused, match="dispute_unexpected_state"):
            await bank.processor.move_dispute(dispute.id, status)
    with pytest.raises(ProcessorRefused, match="resource_missing"):
        await bank.processor.move_dispute("dp_unknown", "won")
    assert await bank.processor.get_dispute("dp_unknown") is None
