"""Platform fees, on what the buyer paid with tax, each rounded by itself (platform spec 12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.fees import Credit, Fee, FeeType, Terms, is_international, platform_fees, total, with_credits


@pytest.mark.parametrize(
    ("base", "abroad", "recurring", "terms", "expected"),
    [
        pytest.param(3750, True, True, Terms(), [190, 56, 19], marks=pytest.mark.example("platform W15")),
        pytest.param(3000, False, False, Terms(), [160], marks=pytest.mark.example("platform W16")),
        pytest.param(10000, True, True, Terms(), [440, 150, 50], marks=pytest.mark.example("platform W17")),
        pytest.param(999, True, True, Terms(), [80, 15, 5], marks=pytest.mark.example("platform W18")),
        pytest.param(12345, True, True, Terms(), [534, 185, 62], marks=pytest.mark.example("platform W19")),
        pytest.param(100, True, True, Terms(), [44, 2, 1], marks=pytest.mark.example("platform W20")),
        pytest.param(50, False, False, Terms(), [42], marks=pytest.mark.example("platform W21")),
        pytest.param(10000, False, True, Terms(389, 35), [424, 50], marks=pytest.mark.example("platform W22")),
        (10000, False, False, Terms(0, 0), [0]),
        (0, True, True, Terms(), []),
    ],
)
def test_fees(base: int, abroad: bool, recurring: bool, terms: Terms, expected: list[int]) -> None:
    fees = platform_fees(base, is_international=abroad, is_recurring=recurring, terms=terms)
    assert [fee.amount for fee in fees] == expected
    assert total(fees) == sum(expected)


@pytest.mark.example("platform W23")
def test_credits_pay_the_oldest_first() -> None:
    fees = platform_fees(3750, is_international=True, is_recurring=True)
    charged, left = with_credits(fees, [Credit("A", 100), Credit("B", 500)])
    assert charged == (*fees, Fee(FeeType.FEE_CREDIT, -265))
    assert total(charged) == 0
    assert left == (Credit("A", 0), Credit("B", 335))


def test_credits_never_pay_for_disputes() -> None:
    fees = (Fee(FeeType.DISPUTE, 1500),)
    assert with_credits(fees, [Credit("A", 100)]) == (fees, (Credit("A", 100),))


@given(st.lists(st.integers(0, 1000)), st.integers(0, 100_000))
def test_credits_take_off_what_they_have_and_no_more(amounts: list[int], base: int) -> None:
    fees = platform_fees(base, is_international=True, is_recurring=True)
    charged, left = with_credits(fees, [Credit(str(index), amount) for index, amount in enumerate(amounts)])
    used = sum(amounts) - sum(credit.left for credit in left)
    assert total(charged) == total(fees) - used >= 0
    assert used == min(sum(amounts), total(fees))


@pytest.mark.parametrize(
    ("method", "country", "expected"),
    [("card", "SE", True), ("link", "SE", True), ("card", "US", False), ("card", None, False), ("klarna", "SE", False)],
)
def test_only_cards_from_abroad_are_international(method: str, country: str | None, expected: bool) -> None:
    assert is_international(method, country) is expected
