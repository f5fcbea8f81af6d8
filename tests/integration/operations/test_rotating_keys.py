"""Write keys and read keys replaced under load: no request is refused, and the old key ends. docs/rotating.md."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kit.keys import Key
from producer_api import keys as write_keys
from query_api.access import keys as read_keys
from tests.integration.operations.caller import Caller, status
from tests.integration.producer_api.posting import body
from tests.key_file import KeyFile
from tests.stack import StartService
from tests.waiting import wait_until

_WAIT_S = 60.0


@pytest.mark.parametrize(
    ("module", "setting", "request_", "keys"),
    [
        ("producer_api", "WRITE_KEYS", ("POST", body()), (Key, write_keys.PREFIX)),
        ("query_api", "KEYS", ("GET", None), (read_keys.ReadKey, read_keys.PREFIX)),
    ],
    ids=["write keys", "read keys"],
)
def test_a_key_is_replaced_under_load_and_no_request_is_refused(
    start_service: StartService,
    tmp_path: Path,
    module: str,
    setting: str,
    request_: tuple[str, dict[str, Any] | None],
    keys: tuple[type[Any], str],
) -> None:
    file = KeyFile(tmp_path / "keys.json", *keys)
    old = file.add("old")
    settings = {f"{setting}_FILE": str(file.file), f"{setting}_RELOAD_S": "0.05"}
    service = start_service(module, wait=True, port=None, **settings)
    method, content = request_
    with ExitStack() as stack:
        callers = [stack.enter_context(Caller(method, f"{service.url}/log", old, content).running()) for _ in range(2)]
        early, late = callers
        new = file.add("new")
        assert wait_for(early, new, 200)
        early.headers = new  # one client has moved, the other has not
        for caller in callers:
            caller.is_answered()
        late.headers = new
        for caller in callers:
            caller.is_answered()
        file.remove("old")
        assert wait_for(early, old, 401)
        for caller in callers:
            caller.is_answered()
    assert {answer for caller in callers for answer in caller.answers} == {200}


def wait_for(caller: Caller, headers: dict[str, str], wanted: int) -> bool:
    wait_until(lambda: status(caller, headers) == wanted, _WAIT_S, f"{wanted} under that key")
    return True
