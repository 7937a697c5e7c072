"""What is sent as an archive is judged before it is kept."""

import tarfile

import pytest

from metabuilder.runs.models import Upload
from tests.runs.archives import member, tar_of, zip_of

pytestmark = pytest.mark.django_db


HOSTILE = [
    tar_of(member("../../etc/cron.d/x")),
    tar_of(member("/etc/cron.d/x")),
    tar_of(member("link", tarfile.SYMTYPE, "/etc/passwd"), member("a")),
    tar_of(member("link", tarfile.LNKTYPE, "a"), member("a")),
    tar_of(member("pipe", tarfile.FIFOTYPE), member("a")),
    tar_of(),
    zip_of("../x", b"1"),
    zip_of("/x", b"1"),
    zip_of("bomb", b"\0" * (600 << 20)),
    b"PK\x03\x04 and then nothing of a zip",
    b"\x1f\x8b and then nothing of a tar",
    b"#!/bin/sh\necho no archive\n",
]


@pytest.mark.parametrize("archive", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_or_broken_archive_is_a_400_and_nothing_is_kept(api, tenant, archive):
    answer = api("operator").generic(
        "POST", f"/api/meta/v2/uploads?tenant={tenant.slug}&name=x", archive, "application/octet-stream"
    )
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not Upload.objects.exists()


def test_a_sound_archive_is_kept_and_named_by_its_id(api, tenant):
    answer = api("operator").generic(
        "POST",
        f"/api/meta/v2/uploads?tenant={tenant.slug}&name=shop.tar.gz",
        tar_of(member("shop/a.py")),
        "application/gzip",
    )
    assert answer.status_code == 201, answer.content
    assert Upload.objects.get().name == "shop.tar.gz"
    assert str(Upload.objects.get().pk) == answer.json()["id"]
