"""The tax source that collects nothing, the mail box of the sandbox, and SMTP against a small server."""

import asyncio
import email
from datetime import UTC, datetime
from email.policy import default

import pytest

from boreal.providers.mail.capture import MailCapture
from boreal.providers.mail.smtp import SmtpMail, compose
from boreal.providers.ports import Attachment, Mail, MailUndelivered, PostalAddress, TaxQuote
from boreal.providers.tax.untaxed import Untaxed

PDF = Attachment(filename="invoice.pdf", content_type="application/pdf", content=b"%PDF-\x00\xff")


def mail(**changes):
    told = {
        "message_id": "order.1@boreal.localhost",
        "to": "ada@example.com",
        "subject": "Ihre Bestellung – Größe L",
        "html": "<p>Thank you</p>",
        "text": "Thank you",
        "sender_name": "Ünited (via Boreal)",
        "sender_address": "united@boreal.localhost",
        "reply_to": "support@united.example",
        "attachments": (PDF,),
    }
    return Mail(**{**told, **changes})


@pytest.mark.parametrize("country", ["DE", "US", "JP"])
async def test_nothing_is_collected(country):
    quote = await Untaxed().quote(
        1000,
        currency="eur",
        address=PostalAddress(country=country),
        tax_id=("DE123456789", "eu_vat"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert quote == TaxQuote(amount=0, taxability_reason="not_collecting", rate=None, calculation_id=None)


async def test_captured_mail_is_kept_once_and_whole(database, clock):
    box = MailCapture(database, clock=clock)
    await asyncio.gather(*(box.send(mail()) for _ in range(5)))
    await box.send(mail(subject="Sent again, differently"))
    (listed,) = await box.list_mails()
    assert listed.captured_at == clock.now()
    assert listed.mail == mail(attachments=())
    assert (await box.get_mail(listed.id)).mail == mail()
    assert await box.get_mail(listed.id + 1) is None


async def test_captured_mail_comes_newest_first_in_pages(database, clock):
    box = MailCapture(database, clock=clock)
    for number in range(5):
        await box.send(mail(message_id=f"{number}@boreal.localhost", subject=str(number)))
    first = await box.list_mails(limit=2)
    second = await box.list_mails(limit=2, offset=2)
    assert [captured.mail.subject for captured in (*first, *second)] == ["4", "3", "2", "1"]


class Server:
    """The little of SMTP that a client needs, and a reply for the recipient and for the mail."""

    def __init__(self, recipient="250 ok", taken="250 taken"):
        self.recipient = recipient
        self.taken = taken
        self.mails = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.talk, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def talk(self, reader, writer):
        def say(line):
            writer.write(line.encode() + b"\r\n")

        say("220 here")
        while line := await reader.readline():
            match line.split()[0].upper():
                case b"RCPT":
                    say(self.recipient)
                case b"DATA":
                    say("354 go")
                    self.mails.append((await reader.readuntil(b"\r\n.\r\n"))[:-5])
                    say(self.taken)
                case b"QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 ok")
        await writer.drain()
        writer.close()


async def test_smtp_takes_the_whole_mail():
    async with Server() as server:
        await SmtpMail("127.0.0.1", server.port, security="none").send(mail())
    message = email.message_from_bytes(server.mails[0], policy=default)
    assert message["Subject"] == "Ihre Bestellung – Größe L"
    assert message["From"].addresses[0].display_name == "Ünited (via Boreal)"
    assert message["From"].addresses[0].addr_spec == "united@boreal.localhost"
    assert (message["To"], message["Reply-To"]) == ("ada@example.com", "support@united.example")
    assert message["Message-ID"] == "<order.1@boreal.localhost>"
    assert message.get_body(("html",)).get_content().strip() == "<p>Thank you</p>"
    assert message.get_body(("plain",)).get_content().strip() == "Thank you"
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("invoice.pdf", PDF.content)


@pytest.mark.parametrize(
    ("replies", "permanent"),
    [
        ({"recipient": "550 unknown"}, True),
        ({"recipient": "450 busy"}, False),
        ({"taken": "554 spam"}, True),
        ({"taken": "451 later"}, False),
    ],
)
async def test_smtp_refusals(replies, permanent):
    async with Server(**replies) as server:
        with pytest.raises(MailUndelivered) as caught:
            await SmtpMail("127.0.0.1", server.port, security="none").send(mail())
    assert caught.value.permanent is permanent


async def test_smtp_nobody_there():
    async with Server() as server:
        port = server.port
    with pytest.raises(MailUndelivered) as caught:
        await SmtpMail("127.0.0.1", port, security="none", timeout_s=2).send(mail())
    assert caught.value.permanent is False


async def test_smtp_insists_on_encryption_when_asked():
    async with Server() as server:
        with pytest.raises(MailUndelivered):
            await SmtpMail.from_url(f"smtp://ada:secret@127.0.0.1:{server.port}").send(mail())
        assert server.mails == []
        await SmtpMail.from_url(f"smtp://127.0.0.1:{server.port}").send(mail())
        assert len(server.mails) == 1


def test_names_cannot_add_headers():
    message = compose(mail(subject="Hi\r\nBcc: all@example.com", sender_name="Eve\nBcc: all@example.com"))
    assert message["Bcc"] is None
    assert message["Subject"] == "Hi Bcc: all@example.com"
    assert "\nBcc" not in message.as_string()


def test_mail_does_not_print_its_content():
    assert "Thank you" not in repr(mail())


@pytest.mark.parametrize("address", ["", "not an address", "two@at@signs"])
async def test_a_sender_that_cannot_be_written_is_for_good(address):
    async with Server() as server:
        with pytest.raises(MailUndelivered) as caught:
            await SmtpMail("127.0.0.1", server.port, security="none").send(mail(sender_address=address))
    assert caught.value.permanent is True
    assert server.mails == []
