"""compose.yaml fits the compose specification's own schema, all profiles: a mistake is seen without Docker."""

import copy
import functools
import json
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

from tests.integration.deploy.fetching import cached, go_file
from tests.unit.deploy.manifests import COMPOSE

MODULE: Final = "github.com/compose-spec/compose-go/v2@v2.16.2"
FILE: Final = "schema/compose-spec.json"
SHA256: Final = "f266dcbb043229405d7cedd5aec918f9102c2b3d5e3850808fdd8edd564a43ff"


@pytest.fixture(scope="module")
def schema() -> jsonschema_rs.Draft202012Validator:
    file = cached(f"compose-{SHA256[:12]}.json", functools.partial(go_file, MODULE, FILE), SHA256)
    return jsonschema_rs.Draft202012Validator(json.loads(file.read_text()))


@pytest.fixture
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def test_the_file_fits(schema: jsonschema_rs.Draft202012Validator, compose: dict[str, Any]) -> None:
    schema.validate(compose)


@pytest.mark.parametrize(
    ("service", "wrong"),
    [
        ("kafka", {"health_check": {}}),
        ("consumer-2", {"depends_on": {"setup": {"condition": "service_done"}}}),
        ("prometheus", {"ports": 9090}),
        ("grafana", {"secret": ["grafana_admin_password"]}),
    ],
)
def test_a_mistake_would_be_seen(
    schema: jsonschema_rs.Draft202012Validator, compose: dict[str, Any], service: str, wrong: dict[str, object]
) -> None:
    changed = copy.deepcopy(compose)
    changed["services"][service].update(wrong)
    assert not schema.is_valid(changed)
