"""Taxes from the shipped tables, from the session to the order (catalog spec 10)."""

from tests.support.shop import client_of, open_shop


async def test_the_rate_of_the_buyers_country_reaches_the_order(dsn: str) -> None:
    async with open_shop(dsn, tax="tables") as shop:
        body = {"name": "Boreal Pro", "prices": [{"amount_type": "fixed", "price_amount": 1999}]}
        product = (await shop.client.post("/v1/products/", json=body)).json()
        checkout = (await shop.client.post("/v1/checkouts/", json={"products": [product["id"]]})).json()
        assert (checkout["tax_amount"], checkout["total_amount"]) == (None, 1999)
        url = f"/v1/checkouts/client/{checkout['client_secret']}"
        async with client_of(shop.boreal, None) as buyer:
            french = (await buyer.patch(url, json={"customer_billing_address": {"country": "FR"}})).json()
            assert (french["tax_amount"], french["total_amount"]) == (400, 2399)  # 20 % of 19.99 is 3.998
            company = {"customer_billing_address": {"country": "FR"}, "customer_tax_id": "FR61954506077"}
            reverse = (await buyer.patch(url, json=company)).json()
            assert (reverse["tax_amount"], reverse["total_amount"]) == (0, 1999)
            abroad = {"customer_billing_address": {"country": "BR"}, "customer_tax_id": None}
            assert (await buyer.patch(url, json=abroad)).json()["tax_amount"] == 0
            paid = {
                "customer_name": "Ada",
                "customer_email": "ada@example.com",
                "customer_billing_address": {"country": "FI"},
                "confirmation_token_id": "pm_card_visa",
            }
            assert (await buyer.post(f"{url}/confirm", json=paid)).status_code == 200
        await shop.settle()
        order = (await shop.client.get("/v1/orders/")).json()["items"][0]
        assert (order["net_amount"], order["tax_amount"], order["total_amount"]) == (1999, 510, 2509)  # 25.5 %
        await shop.check()
