"""Mail through an SMTP server."""

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib

from boreal.providers.ports import Mail, MailUndelivered

Security = Literal["none", "offered", "starttls", "tls"]
"""How a connection is encrypted: never, if the server offers STARTTLS, by STARTTLS or not at all, or from its start."""

_START_TLS = {"none": False, "offered": None, "starttls": True, "tls": False}

_FOR_GOOD = 500


class SmtpMail:
    """Sends each mail over a connection of its own."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security = "starttls",
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._username = username
        self._password = password
        self._timeout_s = timeout_s

    @classmethod
    def from_url(cls, url: str) -> Self:
        """From `smtp://[user:password@]host[:587]` or `smtps://[user:password@]host[:465]`.

        A password is never sent over a plain connection: with one, `smtp` insists on STARTTLS.
        """
        parts = urlsplit(url)
        encrypted = parts.scheme == "smtps"
        return cls(
            parts.hostname or "localhost",
            parts.port or (465 if encrypted else 587),
            security="tls" if encrypted else "starttls" if parts.password else "offered",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    async def send(self, mail: Mail) -> None:
        """The server has taken the mail when this returns.

        Raises `MailUndelivered`, permanent if the server refuses this mail for good. A server that has seen the
        `message_id` may drop a repetition; SMTP itself cannot promise it.
        """
        try:
            message = compose(mail)
        except (MessageError, ValueError, IndexError) as error:
            raise MailUndelivered("The mail has an address that cannot be written.", permanent=True) from error
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._security == "tls",
                start_tls=_START_TLS[self._security],
                timeout=self._timeout_s,
            )
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailUndelivered("The mail server refused our credentials.", permanent=False) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            permanent = all(refusal.code >= _FOR_GOOD for refusal in error.recipients)
            raise MailUndelivered("The mail server refused the recipient.", permanent=permanent) from error
        except aiosmtplib.SMTPResponseException as error:
            raise MailUndelivered(
                f"The mail server answered {error.code}.", permanent=error.code >= _FOR_GOOD
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUndelivered(f"The mail server did not answer: {error}", permanent=False) from error


def compose(mail: Mail) -> EmailMessage:
    """The mail as it goes over the wire: text and HTML as alternatives, then the attachments.

    Line breaks in a header become spaces, so that a product's name cannot add headers.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(_one_line(mail.sender_name), addr_spec=_one_line(mail.sender_address))
    message["To"] = _one_line(mail.to)
    message["Subject"] = _one_line(mail.subject)
    message["Message-ID"] = f"<{_one_line(mail.message_id)}>"
    if mail.reply_to is not None:
        message["Reply-To"] = _one_line(mail.reply_to)
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        maintype, _, subtype = attachment.content_type.partition("/")
        message.add_attachment(
            attachment.content, maintype=maintype, subtype=subtype or "octet-stream", filename=attachment.filename
        )
    return message


def _one_line(text: str) -> str:
    return " ".join(text.split())
