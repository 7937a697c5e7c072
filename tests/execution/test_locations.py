from pathlib import Path

import pytest

from metabuilder.execution.locations import (
    SourceKind,
    SourceRejected,
    validate_directory,
    validate_git_url,
    validate_ref,
)

BAD_URLS = [
    "", "-uexec", "--upload-pack=touch x", "ext::sh -c id", "fd::17", "http://example.org/a", "git://example.org/a",
    "ftp://example.org/a", "https://user:token@example.org/a", "https://token@example.org/a",
    "ssh://git:secret@example.org/a", "ssh://-oProxyCommand=id/a", "ssh://-oX@example.org/a", "https:///a",
    "https://example.org", "https://example.org/a\nb", "https://example.org/a?x=1", "https://exa mple.org/a",
    "https://example.org:99999/a", "file:///etc", "/etc", "file://other/srv/a", "../a", "C:\\a", "https://example.org/-x",
    "a" * 3000, "-oX@example.org:a",
]  # fmt: skip
BAD_REFS = [
    "",
    "-x",
    "--output=x",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[",
    "@{1}",
    "@",
    "a.lock",
    "a//b",
    "/a",
    "a/",
    "a.",
    ".a",
    "a\x07",
    "a\\b",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_url_is_rejected(url: str) -> None:
    with pytest.raises(SourceRejected) as caught:
        validate_git_url(url)
    assert caught.value.field == "git_url"


@pytest.mark.parametrize(
    "url", ["https://example.org/a/b.git", "https://example.org:8443/a", "ssh://git@example.org/a"]
)
def test_a_good_url_is_taken_as_it_is(url: str) -> None:
    source = validate_git_url(url)
    assert (source.kind, source.location) == (SourceKind.REMOTE, url)


def test_the_short_form_of_ssh_is_understood() -> None:
    assert validate_git_url("git@example.org:a/b.git").location == "ssh://git@example.org/a/b.git"


def test_a_local_repository_is_allowed_below_the_roots_only(tmp_path: Path) -> None:
    inside = tmp_path / "root" / "repo"
    inside.mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to("/etc")
    roots = [tmp_path / "root"]
    assert validate_git_url(f"file://{inside}", roots).kind is SourceKind.REPOSITORY
    assert validate_git_url(str(inside), roots).location == str(inside)
    for path in (
        tmp_path,
        tmp_path / "root" / "link",
        tmp_path / "root" / "..",
        tmp_path / "root" / "none",
    ):
        with pytest.raises(SourceRejected, match="not a directory that may be built"):
            validate_git_url(str(path), roots)


@pytest.mark.parametrize("ref", BAD_REFS)
def test_a_bad_ref_is_rejected(ref: str) -> None:
    with pytest.raises(SourceRejected) as caught:
        validate_ref(ref)
    assert caught.value.field == "ref"


@pytest.mark.parametrize("ref", ["main", "feature/x-1", "v1.2.3", "0123456789abcdef0123456789abcdef01234567"])
def test_a_good_ref_is_taken(ref: str) -> None:
    assert validate_ref(ref) == ref


def test_a_directory_is_allowed_inside_the_roots_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to("/etc")
    assert validate_directory(tmp_path / "in", [tmp_path]).location == str(tmp_path / "in")
    assert validate_directory("/etc", None).location == "/etc"
    for path in ("/etc", tmp_path / "in" / "link", tmp_path / "none", "-x"):
        with pytest.raises(SourceRejected):
            validate_directory(path, [tmp_path])
