"""The probe of the images: its exit code follows the answer, and a failure says why."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kit import probe


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()
        self.wfile.write(b"kafka is away")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_an_answer_of_200_is_health(url: str) -> None:
    assert probe.main(f"{url}/well") == 0


def test_any_other_answer_is_none_and_is_shown(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(f"{url}/ill") == 1
    assert "503 kafka is away" in capsys.readouterr().err


def test_no_answer_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main("http://127.0.0.1:1/") == 1
    assert "refused" in capsys.readouterr().err
