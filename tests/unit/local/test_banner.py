"""The two requests that `make run` prints can be pasted."""

import json

from deploy.local import banner
from deploy.local.settings import LocalSettings

_SETTINGS = LocalSettings(producer_port=18000, query_port=18001)


def test_the_post_has_the_actual_port_and_a_whole_json_body() -> None:
    command = banner.post_command(_SETTINGS)
    assert "'http://127.0.0.1:18000/log'" in command
    body = json.loads(command.split("--data '")[1].removesuffix("'"))
    assert [action["type"] for action in body["actions"]] == ["CLICK", "VIEW", "NAVIGATE"]


def test_the_get_has_the_actual_port() -> None:
    assert banner.get_command(_SETTINGS).startswith("curl 'http://127.0.0.1:18001/log?userId=ABC12312XYZ&type=CLICK")
