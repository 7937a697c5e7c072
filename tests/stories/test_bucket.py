"""Uploads and large logs in a bucket, over the real protocol, against a server on this machine."""

import io
import tarfile
from collections.abc import Iterator

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from moto.server import ThreadedMotoServer

from autofix.control import start_run
from autofix.driver import drive
from metabuilder import environment
from metabuilder.runs import logs, retention
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, SourceKind, StepExecution, Upload
from metabuilder.runs.states import RunStatus
from metabuilder.runs.transitions import driven_in_process
from tests.conftest import BASE

BUCKET = "builds"
LINES = "".join(f"line {number:05} ✓\n" for number in range(40_000))
PLAN = {"steps": [{"name": "say", "run": "cat log.txt", "kind": "other"}]}


class Values:
    """The environment, as django-environ gives it."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def str(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, settings):
    """An empty bucket that is the service's storage."""
    keys = {"METABUILDER_S3_ACCESS_KEY": "key", "METABUILDER_S3_SECRET_KEY": "secret"}
    places = {"METABUILDER_S3_BUCKET": BUCKET, "METABUILDER_S3_ENDPOINT": endpoint, "METABUILDER_S3_PREFIX": "/ours/"}
    storage = environment.read_storage(Values(**keys, **places, METABUILDER_S3_REGION="us-east-1"))
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    credentials = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    made = boto3.resource("s3", endpoint_url=endpoint, **credentials).create_bucket(Bucket=BUCKET)
    yield made
    made.objects.delete()
    made.delete()


def names(bucket) -> list[str]:
    return sorted(each.key for each in bucket.objects.all())


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        info = tarfile.TarInfo("shop/log.txt")
        info.size = len(LINES.encode())
        packed.addfile(info, io.BytesIO(LINES.encode()))
    return buffer.getvalue()


def upload(api, tenant) -> Upload:
    url = f"{BASE}/uploads?tenant={tenant.slug}&name=shop.tar.gz"
    answer = api("operator").generic("POST", url, archive(), "application/gzip")
    assert answer.status_code == 201, answer.content
    return Upload.objects.get(pk=answer.json()["id"])


def build(tenant, made: Upload) -> Run:
    order = Order(tenant=tenant, source_kind=SourceKind.UPLOAD, location=str(made.pk), plan=PLAN, actor="test")
    with driven_in_process(lambda _: None):
        return drive(start_run(order))


@pytest.mark.django_db
def test_a_run_builds_from_an_upload_in_the_bucket_and_its_large_log_is_read_from_there(api, tenant, bucket, settings):
    settings.LOG_ROWS_LIMIT = 100_000
    made = upload(api, tenant)
    assert names(bucket) == [f"ours/{made.file.name}"]
    run = build(tenant, made)
    assert run.status == RunStatus.SUCCEEDED, run.failure
    execution = run.executions.get()
    assert execution.log_characters == len(LINES)
    logs.archive(execution)  # as the loop does; a second time it does nothing
    execution.refresh_from_db()
    assert not execution.chunks.exists()
    assert [name for name in names(bucket) if "/logs/" in name] == [
        f"ours/{execution.log_file.name}/{number:05}.gz" for number in range(2)
    ]
    url = f"{BASE}/runs/{run.pk}/logs?execution={execution.pk}"
    client = api("viewer")
    page = client.get(f"{url}&offset=262140&limit=9").json()
    assert (page["text"], page["eof"]) == (LINES[262140:262149], False)
    assert client.get(f"{url}&tail=2").json()["text"] == "line 39998 ✓\nline 39999 ✓\n"
    assert client.get(url, headers={"accept": "text/plain"}).getvalue().decode() == LINES


@pytest.mark.django_db
def test_what_is_too_old_leaves_the_bucket(api, tenant, bucket, settings):
    settings.LOG_ROWS_LIMIT = 100_000
    made = upload(api, tenant)
    run = build(tenant, made)
    logs.archive(run.executions.get())
    assert len(names(bucket)) == 3
    Run.objects.update(finished_at="2020-01-01T00:00:00Z")
    Upload.objects.update(created_at="2020-01-01T00:00:00Z")
    found = retention.remove_old()
    assert (found["large logs"], found["uploads"]) == (1, 1)
    assert names(bucket) == []
    assert not StepExecution.objects.exists()


@pytest.mark.django_db
def test_an_upload_that_is_gone_ends_its_run_with_these_words(api, tenant, bucket):
    made = upload(api, tenant)
    bucket.objects.delete()
    run = build(tenant, made)
    assert run.status == RunStatus.FAILED
    assert "is not in the storage any more" in run.failure["message"]


@pytest.mark.django_db
def test_nothing_in_the_bucket_is_public_and_nothing_is_handed_out_by_its_address(api, tenant, bucket):
    made = upload(api, tenant)
    grants = bucket.Object(names(bucket)[0]).Acl().grants
    assert "AllUsers" not in str(grants)
    with pytest.raises(NotImplementedError, match="never by its address"):
        default_storage.url(made.file.name)
    with pytest.raises(NotImplementedError):
        _ = made.file.url


@pytest.mark.django_db
def test_while_the_bucket_is_away_a_log_stays_in_rows(api, tenant, bucket, settings, caplog):
    execution = build(tenant, upload(api, tenant)).executions.get()
    settings.LOG_ROWS_LIMIT = 100_000  # until now it was small enough
    bucket.objects.delete()
    bucket.delete()
    logs.archive(execution)
    assert "stays in the database" in caplog.text
    assert "".join(logs.read(execution)) == LINES
    bucket.create()


def test_keys_come_in_pairs():
    values = Values(METABUILDER_S3_BUCKET="b", METABUILDER_S3_ACCESS_KEY="key")
    with pytest.raises(ImproperlyConfigured, match="together, or neither"):
        environment.read_storage(values)


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    assert "FileSystemStorage" in environment.read_storage(Values())["BACKEND"]
    with pytest.raises(ImproperlyConfigured, match=r"uv pip install 'django-storages\[s3\]'"):
        environment.read_storage(Values(METABUILDER_S3_BUCKET="b"))
