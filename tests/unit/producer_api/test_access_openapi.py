"""The description says how to present a key, and what the gate answers."""

from pathlib import Path
from typing import Any

from producer_api.app import create_app
from producer_api.settings import Settings
from tests.unit.producer_api.gating import key_file, make_key


def described(**settings: Any) -> dict[str, Any]:
    """As /openapi.json gives it, when it is asked a second time."""
    api = create_app(Settings(**settings))._api
    api.openapi()
    return api.openapi()


def test_the_gates_refusals_are_described_beside_the_routes_own() -> None:
    post = described()["paths"]["/log"]["post"]
    assert {"200", "400", "401", "403", "413", "429", "503"} <= set(post["responses"])
    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= set(post["responses"]["429"]["headers"])
    assert "RateLimit" in post["responses"]["200"]["headers"]


def test_an_open_service_asks_for_no_key() -> None:
    assert not described()["paths"]["/log"]["post"].get("security")


def test_with_keys_each_way_to_present_one_is_described(tmp_path: Path) -> None:
    schema = described(write_keys_file=key_file(tmp_path, make_key("shop")[1]))
    ways = schema["paths"]["/log"]["post"]["security"]
    assert [next(iter(way)) for way in ways] == list(schema["components"]["securitySchemes"])


def test_the_preflight_is_described() -> None:
    assert set(described()["paths"]["/log"]["options"]["responses"]) == {"204", "403"}
