import pytest

from metabuilder.runs.models import Project, Run
from tenants.models import Tenant


@pytest.fixture
def queued_run(db) -> Run:
    """A run that is due now."""
    tenant = Tenant.objects.create(slug="t", name="T")
    project = Project.objects.create(tenant=tenant, name="p", source_kind="path", location="/nowhere")
    return Run.objects.create(tenant=tenant, project=project, due_at="2020-01-01T00:00:00Z")
