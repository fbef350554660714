"""Card numbers and security codes are in no table, no log, no error and no printed object."""

import io
import logging
import re

import structlog

from boreal.kit.telemetry import configure_logs
from boreal.providers.payments.sandbox.cards import TEST_CARDS
from boreal.providers.payments.sandbox.identity import Identity
from boreal.providers.ports import CardEntry, CardInvalid, ProcessorError

CVC, CVC_AMEX = "739", "7391"


async def dump(connection):
    """Every value of every column of every table, as text."""
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    texts = []
    for (table,) in tables:
        rows = await connection.fetch(f'SELECT "{table}"::text FROM "{table}"')
        texts += [(table, row[0]) for row in rows]
    return texts


async def test_no_card_number_is_stored_or_logged(bank, caplog):
    caplog.set_level(logging.DEBUG)
    written, printed = io.StringIO(), []
    before = structlog.get_config()
    configure_logs(level="debug", json=True)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written), cache_logger_on_first_use=False)

    async def broken(event):
        raise RuntimeError(f"{event}")

    bank.processor.listen(broken)
    try:
        for card in TEST_CARDS:
            cvc = CVC_AMEX if card.brand == "amex" else CVC
            entry = CardEntry(number=card.number, exp_month="7", exp_year="31", cvc=cvc)
            printed.append(repr(entry))
            payment = await bank.pay(await bank.processor.tokenize(entry), save_for_later=True)
            printed.append(repr(payment))
            for wrong in ({"exp_year": "20"}, {"number": card.number + "0"}):
                try:
                    await bank.processor.tokenize(CardEntry(**{**TYPED, "number": card.number, "cvc": cvc, **wrong}))
                except CardInvalid as error:
                    printed += [repr(error), str(error), repr(error.faults)]
            try:  # a program that sends the number itself as a token
                await bank.pay(card.number)
            except ProcessorError as error:
                printed += [repr(error), str(error)]
        await bank.processor.drain()
    finally:
        structlog.configure(**before)

    async with bank.database.pool.acquire() as connection:
        stored = await dump(connection)
    assert len([table for table, _ in stored if table == "sandbox_tokens"]) == len(TEST_CARDS)
    assert "listener_failed" in written.getvalue()
    for text in [text for _, text in stored] + printed + [written.getvalue(), caplog.text]:
        for card in TEST_CARDS:
            assert card.number not in text
            assert card.number[:12] not in text
        assert not re.search(rf"\b({CVC}|{CVC_AMEX})\b", text)


TYPED = {"number": "", "exp_month": "7", "exp_year": "31", "cvc": CVC}


def test_fingerprints_need_the_pepper():
    """Without the pepper, nobody can try all numbers against a stored fingerprint."""
    one, two = Identity(b"one"), Identity(b"two")
    assert one.fingerprint("4242424242424242") == one.fingerprint("4242424242424242")
    assert one.fingerprint("4242424242424242") != two.fingerprint("4242424242424242")
    assert one.fingerprint("4242424242424242") != one.fingerprint("5555555555554444")


async def test_client_secrets_cannot_be_made_from_ids(bank):
    payment = await bank.pay("pm_card_threeDSecure2Required")
    assert payment.client_secret.startswith(payment.id + "_secret_")
    assert len(payment.client_secret) == len(payment.id) + len("_secret_") + 32
    assert await bank.processor.challenge(payment.id) is None
