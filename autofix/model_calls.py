"""A tenant's model at work for one failure: budgets before each call, a record of it after, the lease kept meanwhile.

The key is opened for the call and handed to nobody else; what is recorded is redacted. What a call may use at most is
counted against the budgets before it is made, so that no answer can exceed them.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from autofix.classifier.redaction import redact
from autofix.models import ModelCall, ModelEndpoint
from autofix.strategies import Message, Reply
from autofix.strategies.agent import endpoint as wire
from autofix.strategies.agent.endpoint import Answer, Endpoint, EndpointError
from autofix.timeline import Decision
from metabuilder import sealing
from metabuilder.runs import retention, transitions
from metabuilder.runs.executions import Heartbeat
from metabuilder.runs.storable import storable

# A token is about four characters of English and three of code: this counts rather too many than too few.
CHARACTERS_PER_TOKEN = 3
MILLION = Decimal(1_000_000)
LOOK_SECONDS = 0.25
MAX_KEPT = 200_000
EVENT = "model"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TenantModel:
    """What strategies see of a tenant's model (`strategies.Helper`)."""

    about: Decision
    row: ModelEndpoint

    @property
    def name(self) -> str:
        return f"model {self.row.model}"[:60] if not self.row.command else "agent"

    @property
    def may_apply(self) -> bool:
        return self.row.may_apply

    @property
    def command(self) -> str:
        return self.row.command

    def ask(self, system: str, messages: Sequence[Message]) -> Reply:
        said = "\n\n".join([system, *(f"[{message.role}]\n{message.text}" for message in messages)])
        call, problem = self._reserved(said)
        if problem:
            return Reply("", problem)
        began = monotonic()
        answer = None
        try:
            answer = self._asked(system, messages)
        except (EndpointError, sealing.CannotUnseal) as error:
            problem = str(error)
        self._record(call, answer, problem, monotonic() - began)
        return Reply(answer.text if answer else "", problem)

    def _reserved(self, said: str) -> tuple[ModelCall, str]:
        """Write a call down with the most that it may cost, one at a time for a tenant; or say why it is not made.

        What is never corrected, because the worker was lost or no answer came, stays so: it may have been paid for.
        """
        run, row = self.about.run, self.row
        call = ModelCall(tenant_id=run.tenant_id, run=run, step=self.about.step.name, model=row.model)
        call.prompt = redact(storable(said))[:MAX_KEPT]
        tokens = (len(said) // CHARACTERS_PER_TOKEN + 1, wire.MAX_OUTPUT_TOKENS)
        with transaction.atomic():
            ModelEndpoint.objects.select_for_update().get(pk=row.pk)
            problem = self._over_budget(tokens[0])
            if not problem:
                call.input_tokens, call.output_tokens = tokens
                call.cost = cost(row, *tokens)
            call.problem = problem[:300]
            call.save(force_insert=True)
        if problem:
            transitions.note(run, EVENT, f"{self.name} was not of use: {problem}")
        return call, problem

    def _asked(self, system: str, messages: Sequence[Message]) -> Answer:
        row = self.row
        key = sealing.unseal(row.sealed_key) if row.sealed_key else ""
        asked = Endpoint(row.base_url, row.model, key, allowed=settings.META_V3_MODEL_HOSTS)
        return beside(Heartbeat(self.about.run), lambda: wire.ask(asked, system, messages))

    def _over_budget(self, input_tokens: int) -> str:
        """Return which budget a call could exceed, in words; empty if none."""
        row, most = self.row, input_tokens + wire.MAX_OUTPUT_TOKENS
        used = self.about.run.model_calls.aggregate(all=Sum(F("input_tokens") + F("output_tokens")))["all"] or 0
        if used + most > row.max_run_tokens:
            return f"the run's budget of {row.max_run_tokens} tokens would be exceeded: {used} are used"
        spent = spent_this_month(row)
        if spent + cost(row, input_tokens, wire.MAX_OUTPUT_TOKENS) > row.month_budget:
            return f"the month's budget of {row.month_budget} would be exceeded: {spent:.2f} is spent"
        return ""

    def _record(self, call: ModelCall, answer: Answer | None, problem: str, seconds: float) -> None:
        call.seconds, call.problem = seconds, problem[:300]
        if answer:
            call.answer = redact(storable(answer.text))[:MAX_KEPT]
            if answer.input_tokens or answer.output_tokens:  # an endpoint that does not say is counted at the most
                call.input_tokens, call.output_tokens = answer.input_tokens, answer.output_tokens
                call.cost = cost(self.row, answer.input_tokens, answer.output_tokens)
        call.save(update_fields=["seconds", "problem", "answer", "input_tokens", "output_tokens", "cost"])
        if problem:
            transitions.note(self.about.run, EVENT, f"{self.name} was not of use: {problem}")


def for_decision(about: Decision) -> TenantModel | None:
    """Return the tenant's model or agent; None where none is on."""
    row = ModelEndpoint.objects.filter(tenant_id=about.run.tenant_id, enabled=True).first()
    return TenantModel(about, row) if row and (row.command or (row.base_url and row.model)) else None


def beside(heartbeat: Heartbeat, call: Callable[[], Answer]) -> Answer:
    """Make a call in a thread, and keep the run meanwhile; raise LeaseLost or Interrupted without waiting for it."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
    try:
        future = pool.submit(call)
        while not wait([future], LOOK_SECONDS).done:
            if heartbeat.should_stop():
                heartbeat.check()
        return future.result()
    finally:
        pool.shutdown(wait=False)


def cost(row: ModelEndpoint, input_tokens: int, output_tokens: int) -> Decimal:
    return (row.input_price * input_tokens + row.output_price * output_tokens) / MILLION


def spent_this_month(row: ModelEndpoint) -> Decimal:
    first = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    calls = ModelCall.objects.filter(tenant_id=row.tenant_id, created_at__gte=first)
    return calls.aggregate(all=Sum("cost"))["all"] or Decimal(0)


def forget_texts(batch: int = 500) -> int:
    """Remove prompts and answers as old as logs may be; what they cost stays. Return how many."""
    gone = 0
    for days in retention.periods():
        mine = ModelCall.objects.filter(tenant__retention_days=days, created_at__lt=retention.before(days))
        ids = list(mine.exclude(prompt="", answer="").values_list("pk", flat=True)[:batch])
        gone += ModelCall.objects.filter(pk__in=ids).update(prompt="", answer="")
    return gone
