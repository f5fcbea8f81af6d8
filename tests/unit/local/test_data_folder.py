"""The data folder belongs to one stack, and is removed without touching what is not ours."""

import os
import stat
from argparse import Namespace
from pathlib import Path

import pytest

from deploy.local import cli, data_folder, folder_lock, passwords
from deploy.local.console import Terminal
from deploy.local.errors import DataFolderBusyError, LocalError
from deploy.local.settings import LocalSettings


def test_a_second_stack_on_the_folder_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with folder_lock.data_folder(run):
        assert folder_lock.holder_of(run) == os.getpid()
        with pytest.raises(DataFolderBusyError, match=f"pid {os.getpid()}"), folder_lock.data_folder(run):
            pass
    assert folder_lock.holder_of(run) is None


def test_a_stack_that_is_still_starting_is_not_reported_as_running_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with folder_lock.data_folder(tmp_path / "run"):
        assert cli._status(Namespace(), LocalSettings(data_dir=tmp_path), Terminal()) == 1
    assert "still starting or stopping" in capsys.readouterr().out


def test_waiting_for_a_lock_is_bounded_and_announced(tmp_path: Path) -> None:
    path, told = tmp_path / "lock", list[str]()
    with folder_lock.exclusive(path, timeout_s=1, waiting=told.append):
        assert told == []
        with (
            pytest.raises(LocalError, match=str(os.getpid())),
            folder_lock.exclusive(path, timeout_s=0.1, waiting=told.append),
        ):
            pass
    assert told == [str(os.getpid())]


def test_clean_removes_what_the_stack_made_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "logs").mkdir()
    (tmp_path / "mine.txt").write_text("keep me")
    assert data_folder.clean(tmp_path) == ["kafka", "logs"]
    assert [path.name for path in tmp_path.iterdir() if path.name != "run"] == ["mine.txt"]


def test_clean_refuses_while_a_stack_runs(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with folder_lock.data_folder(tmp_path / "run"), pytest.raises(DataFolderBusyError):
        data_folder.clean(tmp_path)
    assert (tmp_path / "kafka").exists()


def test_clean_of_nothing_is_fine(tmp_path: Path) -> None:
    assert data_folder.clean(tmp_path / "missing") == []


def test_a_role_of_a_later_release_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    file = tmp_path / "passwords.json"
    file.write_text('{"admin": "a", "writer": "w", "reader": "r"}')
    users = passwords.load_or_create(file)
    assert [users[role].password for role in ("admin", "writer", "reader")] == ["a", "w", "r"]
    assert users["eraser"].name == "actionlog_eraser"
    assert len(users["eraser"].password) > 20
    assert passwords.load_or_create(file) == users


def test_passwords_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    file = tmp_path / "data" / "passwords.json"
    first = passwords.load_or_create(file)
    assert passwords.load_or_create(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len({user.password for user in first.values()}) == len(first) == 4
