"""The private places of the embedded default."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project.embedded import (
    LONGEST_SOCKET_PATH,
    UnsafeFolder,
    make_private_folder,
    socket_path,
    stored_secret_key,
)


def test_the_socket_lies_in_the_data_folder_when_it_fits() -> None:
    assert socket_path(Path("/srv/calciwatch")) == Path("/srv/calciwatch/run/broker.sock")


def test_a_deep_data_folder_gets_a_short_socket_that_is_always_the_same() -> None:
    deep = Path("/srv") / ("ward-" * 40)
    path = socket_path(deep)
    assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
    assert path == socket_path(deep)
    assert path != socket_path(deep / "other")


def test_length_is_counted_in_bytes_not_in_letters() -> None:
    folder = Path("/srv") / ("é" * 45)
    assert len(str(folder / "run/broker.sock")) <= LONGEST_SOCKET_PATH
    assert not socket_path(folder).is_relative_to(folder)


def test_a_private_folder_admits_only_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o777)
    make_private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_put_in_place_of_the_private_folder_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "run").symlink_to(elsewhere)
    with pytest.raises(UnsafeFolder, match="not a folder of this user"):
        make_private_folder(tmp_path / "run")


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: stored_secret_key(tmp_path), range(16)))
    assert len(keys) == 1
