import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.receipt import MAX_LENGTH, Receipt, ReceiptError

OFFSETS = st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), max_size=50)


@given(OFFSETS)
def test_a_receipt_is_read_back_as_it_was_given_out(offsets: dict[int, int]) -> None:
    text = Receipt(offsets).encode()
    assert Receipt.decode(text) == Receipt(offsets)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=200))
def test_any_other_text_is_refused_or_is_a_receipt(text: str) -> None:
    try:
        receipt = Receipt.decode(text)
    except ReceiptError:
        return
    assert Receipt.decode(receipt.encode()) == receipt


@pytest.mark.parametrize(
    "content",
    [[2, {}], [1, {"0": 1}], [1, {0: -1}], [1, {-1: 1}], [1, {0: 2**63}], [1], [1, {}, 3], {}, "x", [1, {0: 1.5}]],
)
def test_what_looks_like_one_and_is_none_is_refused(content: object) -> None:
    with pytest.raises(ReceiptError):
        Receipt.decode(base64.urlsafe_b64encode(msgspec.msgpack.encode(content)).decode())


def test_a_text_beyond_the_bound_is_refused_unread() -> None:
    with pytest.raises(ReceiptError, match="longer"):
        Receipt.decode("A" * (MAX_LENGTH + 1))
