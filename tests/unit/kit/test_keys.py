"""The file of access keys: what it holds, what it refuses, and how a new version is taken over."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.keys import MAX_FILE_BYTES, Key, KeyFile, Keys, KeysError, new_key, parse


def entry(name: str, **other: Any) -> tuple[str, dict[str, Any]]:
    secret, key = new_key(name, prefix="t_")
    return secret, {**json.loads(msgspec.json.encode(key)), **other}


def written(path: Path, *entries: dict[str, Any]) -> Path:
    """Replaced as deployments do it: another file under the same name."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(entries))
    return fresh.replace(path)


def test_a_new_key_is_found_by_its_secret_and_by_nothing_else() -> None:
    secret, key = new_key("shop", prefix="t_", origins=["https://shop.example"])
    keys = Keys([key])
    assert keys.find(secret.encode()) == key
    assert (secret[:2], key.name, key.origins) == ("t_", "shop", ("https://shop.example",))
    assert [keys.find(wrong) for wrong in (b"", secret[:-1].encode(), key.sha256.encode(), b"\xff")] == [None] * 4


def test_a_secret_has_256_random_bits_and_is_not_in_its_entry() -> None:
    made = [new_key("shop", prefix="") for _ in range(100)]
    assert len({secret for secret, _ in made}) == 100
    assert min(len(secret) for secret, _ in made) >= 43
    assert all(secret not in str(key) for secret, key in made)


@given(st.binary(max_size=200))
def test_whatever_is_presented_is_looked_up_without_an_error(secret: bytes) -> None:
    assert Keys([new_key("shop", prefix="t_")[1]]).find(secret) is None


def test_an_entry_is_written_as_it_is_read() -> None:
    _, key = new_key("shop", prefix="t_", origins=["*"])
    assert list(parse(msgspec.json.encode([key]))) == [key]


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "é"])
def test_a_name_is_a_word(name: str) -> None:
    with pytest.raises(KeysError, match="name"):
        new_key(name, prefix="t_")


@pytest.mark.parametrize(
    "origin",
    ["*", "https://shop.example", "http://localhost:5173", "http://[::1]:8080", "chrome-extension://abcdef"],
)
def test_an_origin_is_taken_as_browsers_write_it(origin: str) -> None:
    assert new_key("shop", prefix="t_", origins=[origin])[1].origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    ["", "shop.example", "https://shop.example/", "https://Shop.example", "https://*.example", "null", "https:"],
)
def test_what_no_browser_would_send_as_an_origin_is_refused(origin: str) -> None:
    with pytest.raises(KeysError, match="is no origin"):
        new_key("shop", prefix="t_", origins=[origin])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"{}", "Expected `array`"),
        (b'[{"name": "a"}]', r"sha256.*\$\[0\]"),
        (b'[{"name": "a", "sha256": "ABC"}]', r"\$\[0\]\.sha256"),
        (b'[{"name": "a", "sha256": "%s", "orgins": []}]' % (b"0" * 64), "orgins"),
        (b'[{"name": "a", "sha256": "%s", "burst": 0}]' % (b"0" * 64), r"\$\[0\]\.burst"),
        (b'[{"name": "caf\xe9", "sha256": "%s"}]' % (b"0" * 64), "'utf-8' codec can't decode"),
        (b'[{"name": "a", "sha256": "%s"}, {"name": "a", "sha256": "%s"}]' % (b"0" * 64, b"1" * 64), "name a"),
        (b'[{"name": "a", "sha256": "%s"}, {"name": "b", "sha256": "%s"}]' % (b"0" * 64, b"0" * 64), "sha256 0"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(KeysError, match=reason):
        parse(text)


@pytest.mark.parametrize("text", ["not json", "x" * (MAX_FILE_BYTES + 1), None])
def test_a_service_does_not_start_on_a_file_it_cannot_use(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "keys.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(KeysError, match=r"keys\.json"):
        KeyFile(file)


async def test_a_new_version_replaces_the_keys(tmp_path: Path) -> None:
    old_secret, old = entry("old")
    new_secret, new = entry("new")
    file = KeyFile(written(tmp_path / "keys.json", old))
    assert not await file.reload()
    written(tmp_path / "keys.json", new)
    assert await file.reload()
    assert found_name(file, old_secret) is None
    assert found_name(file, new_secret) == "new"


async def test_a_change_within_the_clock_s_resolution_is_seen_by_the_other_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    file = KeyFile(written(path, entry("old")[1]))
    status = path.stat()
    written(path, entry("new")[1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert await file.reload()


@pytest.mark.parametrize("broken", [b"not json", b'[{"name": "caf\xe9"}]', None])
async def test_a_broken_version_keeps_the_keys_and_says_why_until_it_is_mended(
    tmp_path: Path, broken: bytes | None
) -> None:
    path = tmp_path / "keys.json"
    secret, old = entry("old")
    file = KeyFile(written(path, old))
    path.unlink() if broken is None else path.write_bytes(broken)
    assert await file.reload()
    assert not await file.reload(), "a problem is told once"
    assert found_name(file, secret) == "old"
    assert "keys.json" in str(file.problem)
    written(path, old)
    assert await file.reload()
    assert (file.problem, found_name(file, secret)) == (None, "old")


def test_an_empty_list_lets_nobody_in() -> None:
    assert len(parse(b"[]")) == 0


def found_name(file: KeyFile, secret: str) -> str | None:
    found: Key | None = file.keys.find(secret.encode())
    return found.name if found else None
