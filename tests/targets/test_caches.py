"""What the operating system tells of the caches: believed where it can be, else the record's."""

from pathlib import Path

import pytest

from tenonc.targets import caches


@pytest.fixture
def no_libc(monkeypatch):
    monkeypatch.setattr(caches, "_from_libc", lambda level: 0)


def index(folder: Path, number: int, **told: str) -> None:
    (folder / f"index{number}").mkdir()
    for name, text in told.items():
        (folder / f"index{number}" / name).write_text(text + "\n")


def test_data_caches_by_level(tmp_path, no_libc):
    index(tmp_path, 0, level="1", type="Instruction", size="64K")
    index(tmp_path, 1, level="1", type="Data", size="48K")
    index(tmp_path, 2, level="2", type="Unified", size="2M")
    assert caches.cache_bytes(1, 1, tmp_path) == 48 << 10
    assert caches.cache_bytes(2, 1, tmp_path) == 2 << 20


@pytest.mark.parametrize(
    "told", [{}, {"size": "many"}, {"size": "0K"}, {"size": "-1K"}, {"size": "9999999M"}, {"type": "Other"}]
)
def test_what_cannot_be_believed_is_the_records(tmp_path, no_libc, told):
    if told:
        index(tmp_path, 0, **{"level": "1", "type": "Data", "size": "32K", **told})
    assert caches.cache_bytes(1, 12345, tmp_path) == 12345


def test_without_sysfs_the_c_library_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(caches, "_from_libc", {1: 32 << 10, 2: 0}.get)
    assert [caches.cache_bytes(level, 7, tmp_path) for level in (1, 2)] == [32 << 10, 7]


def test_both_sources_agree_on_this_machine():
    told = [(caches._from_sysfs(level, caches.SYSFS), caches._from_libc(level)) for level in (1, 2)]
    if not all(all(sizes) for sizes in told):
        pytest.skip("this machine does not tell its caches both ways")
    assert all(sysfs == libc for sysfs, libc in told)
