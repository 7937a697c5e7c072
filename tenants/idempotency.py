"""Was this POST made before? The same `Idempotency-Key` gets the stored answer and nothing happens twice.

A key is reserved in a transaction of its own; what the request makes and its answer are then one
transaction. So a reservation without an answer means: another request is at it, or its process died
and made nothing, in which case the reservation is taken over once it is old.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.models import IdempotencyRecord
from tenants.problems import Conflict, field_error

HEADER = "Idempotency-Key"
MAX_KEY = 200
TAKEN_FOR_DEAD = timedelta(minutes=5)


class StillAtIt(Conflict):
    wait = 2
    default_detail = "A request with this Idempotency-Key is being worked on. Ask again in a moment."


class UsedForAnother(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for a different request. Use a new key."


def answer_once(request: Request, make: Callable[[], Response], body: object = None) -> Response:
    """Return `make`'s answer, or the one stored for the request's key; without a key just make.

    `body` stands for the request's content where that is not its JSON.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return make()
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise field_error(HEADER, f"Use 1 to {MAX_KEY} printable characters.")
    wanted = digest(request, request.data if body is None else body)
    user = cast(User, request.user)  # anonymous callers were turned away before
    record, is_ours = reserve(user, key, wanted)
    if not is_ours:
        return stored(record, wanted)
    return make_and_store(record, make)


def digest(request: Request, body: object) -> str:
    text = json.dumps([request.method, request.get_full_path(), body], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def reserve(user: User, key: str, wanted: str) -> tuple[IdempotencyRecord, bool]:
    """Return the record of the key and whether this request is the one to do the work."""
    try:
        with transaction.atomic():
            made = IdempotencyRecord.objects.create(user=user, key=key, request_digest=wanted)
            return made, True
    except IntegrityError:
        record = IdempotencyRecord.objects.filter(user=user, key=key).first()
        if record is None:  # it failed and was given up just now
            raise StillAtIt from None
        return record, take_over(record, wanted)


def take_over(record: IdempotencyRecord, wanted: str) -> bool:
    now = timezone.now()
    dead = IdempotencyRecord.objects.filter(
        pk=record.pk,
        status=None,
        request_digest=wanted,
        created_at=record.created_at,
        created_at__lt=now - TAKEN_FOR_DEAD,
    )
    return bool(dead.update(created_at=now))


def stored(record: IdempotencyRecord, wanted: str) -> Response:
    if record.request_digest != wanted:
        raise UsedForAnother
    if record.status is None:
        raise StillAtIt
    return Response(record.body, status=record.status, headers={"Idempotent-Replayed": "true"})


def make_and_store(record: IdempotencyRecord, make: Callable[[], Response]) -> Response:
    ours = IdempotencyRecord.objects.filter(pk=record.pk)
    try:
        with transaction.atomic():
            response = make()
            ours.update(status=response.status_code, body=storable(response))
            return response
    except BaseException:  # whatever went wrong, the caller may try again with the same key
        ours.filter(status=None).delete()
        raise


def storable(response: Response) -> Any:  # Any: JSON
    """Return the answer's body without what is shown only once."""
    body = json.loads(JSONRenderer().render(response.data))
    for name in getattr(response, "shown_once", ()):
        body[name] = None
    return body
