"""The tax source of an installation that is registered nowhere: it collects nothing, and says so."""

from datetime import datetime

from boreal.providers.ports import PostalAddress, TaxQuote


class Untaxed:
    """Answers every question with zero and the reason `not_collecting`. Real rates need another adapter."""

    async def quote(
        self,
        net_amount: int,
        *,
        currency: str,
        address: PostalAddress,
        tax_id: tuple[str, str] | None,
        now: datetime,
    ) -> TaxQuote:
        """No tax, wherever the customer is."""
        return TaxQuote(amount=0, taxability_reason="not_collecting")
