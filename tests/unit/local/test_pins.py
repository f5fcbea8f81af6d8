"""The locks that pin what is downloaded."""

import platform

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.components import engine_package, kafka_jars
from deploy.local.components.engine_package import EnginePackage, EnginePin
from deploy.local.components.kafka_jars import Jar, read_lock
from deploy.local.errors import ComponentError

_WORD = st.from_regex(r"[a-z][a-z0-9_.\-]{0,20}", fullmatch=True)
_JARS = st.builds(Jar, _WORD, _WORD, _WORD, st.integers(0, 1 << 40), st.binary(min_size=32, max_size=32).map(bytes.hex))


@given(_JARS)
def test_a_jars_line_gives_the_jar_back(jar: Jar) -> None:
    assert Jar.from_line(jar.to_line()) == jar


def test_the_lock_of_this_repository_names_the_broker_once_at_the_version() -> None:
    jars = read_lock(kafka_jars.LOCK_FILE.read_text())
    assert [jar.version for jar in jars if jar.artifact == "kafka_2.13"] == [kafka_jars.VERSION]
    assert len({jar.filename for jar in jars}) == len(jars)


@pytest.mark.parametrize(
    "line", ["", "abc 1 g:a:v", f"{'0' * 64} one g:a:v", f"{'0' * 64} 1 g:a", f"{'0' * 62} 1 g:a:v"]
)
def test_a_damaged_line_is_refused(line: str) -> None:
    with pytest.raises(ComponentError, match=r"kafka\.lock"):
        Jar.from_line(line)


def test_an_engine_pins_line_gives_the_pin_back() -> None:
    pin = EnginePin("linux-x64-gnu", 5, "sha512-abc", "ff")
    assert engine_package.read_lock(f"# comment\n{pin.to_line()}\n") == {"linux-x64-gnu": pin}


def test_a_platform_without_a_pin_is_told_how_to_get_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cache")
    (folder / "engine.lock").write_text("# nothing\n")
    with pytest.raises(ComponentError, match=r"deploy\.local lock"):
        EnginePackage(folder, folder / "engine.lock").is_ready()


def test_a_machine_without_a_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ComponentError, match="riscv64"):
        engine_package.this_platform()
