"""Settings of the local stack."""

import pytest
from pydantic import ValidationError

from deploy.local.settings import LocalSettings


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in LocalSettings.model_fields.items() if not field.description] == []


def test_a_services_own_port_variable_moves_the_stacks_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCER_PORT", "9000")
    assert LocalSettings().producer_port == 9000


def test_the_stacks_port_variable_wins_over_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCER_PORT", "9000")
    monkeypatch.setenv("LOCAL_PRODUCER_PORT", "9001")
    assert LocalSettings().producer_port == 9001


def test_the_cache_follows_the_xdg_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(LocalSettings().cache_dir) == "/somewhere/actionlog"


def test_an_impossible_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KAFKA_PORT", "70000")
    with pytest.raises(ValidationError, match="kafka_port"):
        LocalSettings()
