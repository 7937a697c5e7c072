import os
from pathlib import Path

import pytest

from metabuilder.execution import files
from metabuilder.execution.files import UnsafePath, is_plain, read_bytes, write_bytes


@pytest.fixture(params=["openat2", "component by component"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with traps, read with and without the kernel's help."""
    if request.param != "openat2":
        monkeypatch.setattr(files, "KERNEL_ANSWERS", range(200))
        monkeypatch.setattr(files, "OPENAT2", 999_999)
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "plain").write_text("hello")
    (root / "link").symlink_to("sub/plain")
    (root / "linked").symlink_to("sub")
    os.mkfifo(root / "fifo")
    (tmp_path / "outside").write_text("secret")
    return root


def test_a_plain_file_is_read_and_written(tree: Path) -> None:
    write_bytes(tree, "sub/plain", b"new")
    write_bytes(tree, "x/y/z", b"deep")
    assert (read_bytes(tree, "sub/plain"), read_bytes(tree, "x/y/z")) == (b"new", b"deep")


@pytest.mark.parametrize("path", ["link", "linked/plain", "fifo", "sub", "../outside", "/etc/hostname", "", "a\0"])
def test_everything_else_is_refused_without_waiting(tree: Path, path: str) -> None:
    with pytest.raises(UnsafePath):
        read_bytes(tree, path)
    with pytest.raises(UnsafePath):
        write_bytes(tree, path, b"x")
    assert not is_plain(tree, path)


def test_a_large_file_is_refused(tree: Path) -> None:
    with pytest.raises(UnsafePath, match="larger"):
        read_bytes(tree, "sub/plain", max_bytes=4)
