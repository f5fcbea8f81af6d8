from pathlib import Path

import pytest

from deploy.setup import SetupError
from deploy.setup.migrate import Migration, load, plan

FIRST, SECOND = Migration(1, "first", "SELECT 1;\n"), Migration(2, "second", "SELECT 2;\n")


def test_only_what_the_history_lacks_is_applied() -> None:
    assert plan([FIRST, SECOND], {1: FIRST.checksum}) == [SECOND]
    assert plan([FIRST, SECOND], {1: FIRST.checksum, 2: SECOND.checksum}) == []


def test_a_migration_changed_after_it_was_applied_is_refused() -> None:
    with pytest.raises(SetupError, match=r"0001_first\.sql was changed"):
        plan([FIRST], {1: "another checksum"})


def test_a_database_newer_than_the_release_is_refused() -> None:
    with pytest.raises(SetupError, match="newer"):
        plan([FIRST], {1: FIRST.checksum, 2: SECOND.checksum})


def test_statements_end_at_a_semicolon_at_the_end_of_a_line() -> None:
    migration = Migration(1, "x", "-- why;\nCREATE TABLE a (b String DEFAULT ';x');\n\nSELECT 1;\n")
    assert migration.statements == ["CREATE TABLE a (b String DEFAULT ';x')", "SELECT 1"]


@pytest.mark.parametrize("names", [["1_a.sql"], ["0002_a.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_a_folder_with_a_wrong_name_or_a_gap_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(SetupError):
        load(tmp_path)


def test_the_projects_own_migrations_are_in_order() -> None:
    assert [migration.version for migration in load()] == list(range(1, len(load()) + 1))
