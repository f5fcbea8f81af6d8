"""Answers are put together from bytes however the network cut them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.http_answer import Answer, AnswerReader, UnreadableAnswerError

bodies = st.binary(max_size=60) | st.just(b"\r\n\r\ncontent-length: 3")
answers = st.lists(st.builds(Answer, status=st.integers(100, 599), body=bodies), min_size=1, max_size=4)


def _encoded(answer: Answer, name: bytes) -> bytes:
    return b"HTTP/1.1 %d Why\r\ndate: now\r\n%s: %d\r\n\r\n%s" % (answer.status, name, len(answer.body), answer.body)


@given(sent=answers, step=st.integers(1, 40), name=st.sampled_from([b"content-length", b"Content-Length"]))
def test_answers_come_out_whole_wherever_they_are_cut(sent: list[Answer], step: int, name: bytes) -> None:
    reader, read = AnswerReader(), []
    for answer in sent:
        encoded = _encoded(answer, name)
        pieces = [encoded[at : at + step] for at in range(0, len(encoded), step)]
        read += [done for piece in pieces if (done := reader.feed(piece)) is not None]
    assert read == sent


@pytest.mark.parametrize("head", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"])
def test_what_cannot_be_read_is_refused(head: bytes) -> None:
    with pytest.raises(UnreadableAnswerError):
        AnswerReader().feed(head)
