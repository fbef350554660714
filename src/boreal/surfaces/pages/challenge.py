"""The sandbox's card challenge: what a bank would show for 3-D Secure, with the three answers to choose from.

The checkout opens it in a frame over the form when it can, so that a refusal loses nothing that was typed, and as a
page of its own when it cannot.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from boreal.kit.problems import ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest, origin_of, see_other, with_query
from boreal.surfaces.pages.rendering import SiteSettings, render

Answer = Literal["accept", "refuse", "cancel"]
_ANSWERS: Mapping[str, Answer] = {"accept": "accept", "refuse": "refuse", "cancel": "cancel"}


class ChallengePages(Protocol):
    """What the page asks of the sandbox payment provider."""

    async def get(self, intent_client_secret: str) -> Mapping[str, Any]:
        """`{"merchant": str, "amount": int | None, "currency": str, "brand": str | None, "last4": str | None,
        "return_url": str, "embed_origin": str | None, "is_pending": bool}`; amount is None for a card that is only
        saved. Unknown secrets are `ResourceNotFound`."""
        ...

    async def answer(self, intent_client_secret: str, answer: Answer) -> None:
        """What the cardholder decided. Answering again changes nothing."""
        ...


async def show(
    request: PageRequest, intent_client_secret: str, *, pages: ChallengePages, settings: SiteSettings
) -> PageReply:
    """`GET /sandbox/challenges/{intent_client_secret}`: the question; one that was answered leads back to the
    checkout."""
    try:
        challenge = await pages.get(intent_client_secret)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    if not challenge["is_pending"]:
        return see_other(_back(request, challenge))
    return _question(request, challenge, settings)


async def submit(
    request: PageRequest, intent_client_secret: str, *, pages: ChallengePages, settings: SiteSettings
) -> PageReply:
    """`POST /sandbox/challenges/{intent_client_secret}`: passes `answer` on and leads back to the checkout."""
    try:
        challenge = await pages.get(intent_client_secret)
        answer = _ANSWERS.get(request.form.get("answer", ""))
        if answer is None:
            return _question(request, challenge, settings)
        await pages.answer(intent_client_secret, answer)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    return see_other(_back(request, challenge))


def _question(request: PageRequest, challenge: Mapping[str, Any], settings: SiteSettings) -> PageReply:
    """The page, which stands in a frame of the checkout and so perhaps in one of the merchant's."""
    return render(
        "challenge.html",
        request,
        settings,
        inline=("boreal.css",),
        embed_origin=origin_of(challenge["embed_origin"]),
        challenge=challenge,
    )


def _back(request: PageRequest, challenge: Mapping[str, Any]) -> str:
    """The way back on our own host, by whatever name the visitor calls it."""
    return with_query(urlsplit(challenge["return_url"]).path, request.manner)
