"""The made-up shop: its visitors do what people do, in order, and say it as POST /log takes it."""

import random
from datetime import UTC, datetime

import msgspec

from deploy.demo import shop, visit
from deploy.demo.traffic import SLICE_S, Envelope, Traffic, wrong
from producer_api import second_reading
from producer_api.envelope import Arrival

NOW_S = datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp()
ARRIVAL = Arrival(datetime.now(UTC), max_actions=1_000_000)


def moments(envelope: Envelope) -> list[float]:
    return [datetime.fromisoformat(action["time"]).timestamp() for action in envelope["actions"]]


def test_a_visit_is_in_order_and_begins_with_a_view() -> None:
    for seed in range(200):
        made = list(visit.begun(random.Random(seed), NOW_S).actions())
        assert [at_s for at_s, _ in made] == sorted(at_s for at_s, _ in made)
        types = [action["type"] for _, action in made]
        assert types[0] == "VIEW"
        assert types.count("PURCHASE") <= types.count("CHECKOUT") <= 1
        assert len({action["id"] for _, action in made}) == len(made)


def test_a_visit_has_about_as_many_actions_as_the_rate_is_made_for() -> None:
    chance = random.Random(1)
    counts = [len(list(visit.begun(chance, NOW_S).actions())) for _ in range(5_000)]
    assert abs(sum(counts) / len(counts) - visit.MEAN_ACTIONS) < 0.5


def test_the_shop_is_never_shut_and_on_average_as_busy_as_it_says() -> None:
    day = [shop.busyness(NOW_S + minute * 61) for minute in range(24 * 60)]
    assert min(day) > 0.3
    assert max(day) < 3
    assert abs(sum(day) / len(day) - 1) < 0.02


def test_past_and_present_together_are_whole_visits_at_the_rate() -> None:
    traffic = Traffic(random.Random(1), 50, NOW_S)
    slices = list(traffic.past(1_800))
    present = [envelope for second in range(300) for envelope in traffic.due(NOW_S + second)]
    assert len(slices) == 1_800 / SLICE_S
    assert all(moment <= NOW_S for envelopes in slices for envelope in envelopes for moment in moments(envelope))
    newest = [max(moments(envelope)[0] for envelope in envelopes) for envelopes in slices]
    assert newest == sorted(newest, reverse=True), "the newest first"
    past = sum(len(envelope["actions"]) for envelopes in slices for envelope in envelopes)
    expected = 50 * sum(shop.busyness(NOW_S - second) for second in range(1_800))
    assert abs(past / expected - 1) < 0.15
    begun_before = {envelope["sessionId"] for envelopes in slices for envelope in envelopes}
    assert begun_before & {envelope["sessionId"] for envelope in present}, "visits go on from one into the other"


def test_the_producer_accepts_the_past_and_refuses_just_what_is_wrong_on_purpose() -> None:
    traffic = Traffic(random.Random(2), 50, NOW_S)
    past = [envelope for envelopes in traffic.past(300) for envelope in envelopes if envelope["actions"]]
    _, rejected = sizes(past)
    assert rejected == 0
    actions = [action for envelope in past for action in envelope["actions"]]
    chance = random.Random(3)
    for action in actions[:40]:
        assert sizes([{"userId": "u", "sessionId": "s", "actions": [action, wrong(chance, action)]}]) == (1, 1)
    live = [envelope for second in range(600) for envelope in traffic.due(NOW_S + second)]
    accepted, rejected = sizes(live)
    assert 0 < rejected < accepted / 50


def sizes(envelopes: list[Envelope]) -> tuple[int, int]:
    """How many actions the producer would accept, and how many it would refuse."""
    reading = second_reading.read(msgspec.json.encode(envelopes), ARRIVAL)
    return len(reading.event_ids), len(reading.rejected)
