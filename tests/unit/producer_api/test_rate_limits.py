"""Token buckets: what they let through in any order of requests, and how they are told to clients."""

from hypothesis import given
from hypothesis import strategies as st

from producer_api import metrics
from producer_api.rate_limits import Bucket, Buckets, Limit, headers, limit

gaps = st.lists(st.floats(0, 5), min_size=1, max_size=200)


def forgotten() -> float:
    (sample, *_) = next(iter(metrics.FORGOTTEN_BUCKETS.collect())).samples
    return sample.value


def test_a_burst_is_let_through_at_once_and_then_one_for_each_interval() -> None:
    bucket = Bucket(Limit("key", 10, 3))
    assert [bucket.take(100.0) for _ in range(3)] == [0, 0, 0]
    assert round(bucket.take(100.0), 6) == 0.1
    assert round(bucket.take(100.04), 6) == 0.06
    assert bucket.take(100.1) == 0
    assert bucket.take(100.1) > 0


@given(gaps, st.sampled_from([0.5, 1.0, 7.0, 100.0]), st.integers(1, 20))
def test_never_more_than_the_burst_and_the_rate_allow_and_never_less(
    waits: list[float], per_s: float, burst: int
) -> None:
    """Against the textbook's bucket, which counts tokens."""
    bucket, tokens, now, last = Bucket(Limit("key", per_s, burst)), float(burst), 1_000.0, 1_000.0
    for wait in waits:
        now += wait
        tokens, last = min(burst, tokens + (now - last) * per_s), now
        taken = bucket.take(now) == 0
        if abs(tokens - 1) > 1e-6:
            assert taken == (tokens >= 1)
        tokens -= taken


@given(gaps, st.integers(1, 5))
def test_after_the_seconds_it_names_a_request_is_let_through(waits: list[float], burst: int) -> None:
    bucket, now = Bucket(Limit("key", 0.7, burst)), 0.0
    for wait in waits:
        now += wait / 10
        if refused_for_s := bucket.take(now):
            now += refused_for_s
            assert bucket.take(now) == 0


def test_a_rate_of_zero_is_no_limit() -> None:
    assert limit("key", 0, 10) is None


def test_each_client_has_its_own_bucket() -> None:
    buckets = Buckets(Limit("address", 1, 1), 10)
    assert buckets.of("a", 0).take(0) == buckets.of("b", 0).take(0) == 0
    assert buckets.of("a", 0).take(0) > 0


def test_the_table_is_bounded_and_forgets_who_was_seen_longest_ago() -> None:
    buckets = Buckets(Limit("address", 0.001, 1), 2)
    before = forgotten()
    for client in ("a", "b", "a", "c"):
        buckets.of(client, 0).take(0)
    assert buckets.of("a", 0).take(0) > 0, "seen after b: remembered"
    assert buckets.of("b", 0).take(0) == 0, "forgotten: starts afresh"
    assert forgotten() - before == 2


def test_forgetting_a_full_bucket_loses_nothing_and_is_not_counted() -> None:
    buckets = Buckets(Limit("address", 1, 1), 1)
    before = forgotten()
    buckets.of("a", 0).take(0)
    buckets.of("b", 1.5).take(1.5)
    assert forgotten() == before


def test_clients_are_told_what_is_left_of_each_limit() -> None:
    address, key = Bucket(Limit("address", 10, 100)), Bucket(Limit("key", 0.5, 2))
    assert (address.take(0), key.take(0)) == (0, 0)
    assert headers([address, key], 0) == [
        (b"ratelimit-policy", b'"address";q=100;w=10, "key";q=2;w=4'),
        (b"ratelimit", b'"address";r=99;t=1, "key";r=1;t=2'),
    ]
    assert headers([key], 2.0)[1] == (b"ratelimit", b'"key";r=2;t=0')
