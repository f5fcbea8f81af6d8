"""GET /: the explorer's files as a browser gets them, and nothing that lies beside them."""

import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.services import Service
from tests.stack import StartService

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built explorer, with something beside it that is nobody's business."""
    built = tmp_path / "dist"
    (built / "assets" / "deeper").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>explorer</title>")
    (built / "assets" / "main-Ab12.js").write_text("export {};")
    (built / "assets" / "deeper" / "inner.js").write_text("inner")
    (tmp_path / "SECRET").write_text("SECRET")
    (built / "assets" / "link.js").symlink_to(tmp_path / "SECRET")
    return built


def assert_protected(response: httpx.Response) -> None:
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_the_page_is_asked_for_anew_each_time_and_its_files_never_again(serve: Serve, folder: Path) -> None:
    async with serve(explorer_folder=folder) as client:
        page = await client.get("/")
        assert page.text == "<!doctype html><title>explorer</title>"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-cache"
        assert_protected(page)
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
        script = await client.get("/assets/main-Ab12.js")
        assert script.text == "export {};"
        assert "javascript" in script.headers["content-type"]
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert_protected(script)
        head = await client.head("/")
        assert (head.status_code, head.content) == (200, b"")


OUTSIDE: Final = (
    "/assets/..%2f..%2fSECRET",
    "/assets/../../SECRET",
    "/assets/%2e%2e/%2e%2e/SECRET",
    "/assets/..",
    "/assets/.",
    "/assets/",
    "/assets/deeper",
    "/assets/deeper/inner.js",
    "/assets/link.js",
    "/assets/%00",
    "/assets//etc/passwd",
    "/assets/%2fetc%2fpasswd",
    "/assets/..%5c..%5cSECRET",
    "/assets/" + "x" * 5_000,
    "/index.html",
    "/SECRET",
)


def raw(service: Service, path: str) -> tuple[int, Mapping[str, str], str]:
    """The answer to the path as it stands here: unlike browsers and httpx, this resolves no dots."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read().decode()
    finally:
        connection.close()


def test_nothing_else_is_served(start_service: StartService, folder: Path) -> None:
    service = start_service("query_api", EXPLORER_FOLDER=str(folder))
    assert raw(service, "/assets/main-Ab12.js")[2] == "export {};"
    for path in OUTSIDE:
        status, headers, text = raw(service, path)
        assert (status, headers["content-type"]) == (404, "application/problem+json"), (path, text)
        assert "SECRET" not in text
        assert "immutable" not in headers.get("cache-control", "")


async def test_without_a_built_explorer_it_says_how_to_build_one(serve: Serve, tmp_path: Path) -> None:
    async with serve(explorer_folder=tmp_path / "dist") as client:
        page = await client.get("/")
        assert page.headers["content-type"] == "application/problem+json"
        assert (page.status_code, page.json()["code"]) == (404, "explorer-not-built")
        assert "npm ci && npm run build" in page.json()["detail"]
        assert (await client.get("/assets/main.js")).status_code == 404
        (tmp_path / "dist").mkdir()
        (tmp_path / "dist" / "index.html").write_text("built meanwhile")
        assert (await client.get("/")).text == "built meanwhile"


async def test_the_page_needs_no_key_and_is_no_part_of_the_api(serve: Serve, folder: Path, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    async with serve(explorer_folder=folder, keys_file=ring.file) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/log")).status_code == 401
        assert not {"/", "/assets/{name}"} & set((await client.get("/openapi.json")).json()["paths"])
        refused = await client.post("/")
        assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")
        metrics = (await client.get("/metrics")).text
    assert 'actionlog_query_requests_total{route="/",status="200"}' in metrics
