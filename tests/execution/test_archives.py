import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from metabuilder.execution.archives import ArchiveLimits, ArchiveRejected, unpack_archive


def tar(path: Path, *names: str, change: Callable[[tarfile.TarInfo], None] | None = None) -> Path:
    archive = path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 5
            if change is not None:
                change(info)
            file.addfile(info, io.BytesIO(b"hello") if info.isreg() else None)
    return archive


def zipped(path: Path, *names: str) -> Path:
    archive = path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, "hello")
    return archive


def kind(value: bytes, linkname: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = value, linkname, 0

    return change


@pytest.mark.parametrize("make", [tar, zipped])
def test_it_unpacks_and_leaves_out_a_single_top_directory(tmp_path: Path, make: Callable[..., Path]) -> None:
    unpack_archive(make(tmp_path, "p-1.0/a.py", "p-1.0/sub/b.py", "p-1.0/.git/config"), tmp_path / "out")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*"))
    assert found == ["a.py", "sub", "sub/b.py"]
    assert (tmp_path / "out" / "a.py").read_text() == "hello"


def test_several_top_entries_stay(tmp_path: Path) -> None:
    unpack_archive(zipped(tmp_path, "a/x", "b/y"), tmp_path / "out")
    assert (tmp_path / "out" / "a" / "x").is_file()


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\..\\x"])
@pytest.mark.parametrize("make", [tar, zipped])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    with pytest.raises(ArchiveRejected, match="name|leaves"):
        unpack_archive(make(tmp_path, "ok", name), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [make(tmp_path, "ok").name]


@pytest.mark.parametrize(
    "value", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.BLKTYPE]
)
def test_a_link_or_device_is_refused(tmp_path: Path, value: bytes) -> None:
    with pytest.raises(ArchiveRejected, match="link, device"):
        unpack_archive(tar(tmp_path, "l", change=kind(value, "/etc/passwd")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("l")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveRejected, match="link"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b")])
def test_an_entry_that_meets_another_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(ArchiveRejected, match="twice|as a directory"):
        unpack_archive(tar(tmp_path, *names), tmp_path / "out")


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRejected, match="more than 3 entries"):
        unpack_archive(tar(tmp_path, *"abcd"), tmp_path / "out", ArchiveLimits(entries=3))


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(100 << 20))
    with pytest.raises(ArchiveRejected, match="unpacks to more than"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip", "a.rar"])
def test_garbage_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage")
    with pytest.raises(ArchiveRejected) as caught:
        unpack_archive(tmp_path / name, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path, "a", "b")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(ArchiveRejected):
        unpack_archive(archive, tmp_path / "out")
