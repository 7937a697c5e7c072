"""How values of the environment are read: strictly, so that a misspelt one is refused, not guessed."""

import os
import secrets
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}
MIN_KEY_CHARACTERS = 50


def read_choice(env: environ.Env, name: str, choices: tuple[str, ...]) -> str:
    """Read one of `choices`, the first where it is unset."""
    value: str = env.str(name, default="") or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def read_flag(env: environ.Env, name: str) -> bool | None:
    """Read a three-valued switch: True, False, or None where it is unset or empty."""
    text: str = env.str(name, default="").strip().lower()
    if not text:
        return None
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}; write true or false, or leave it unset.")


def read_int(env: environ.Env, name: str, default: int, bounds: tuple[int, int]) -> int:
    text: str = env.str(name, default="").strip()
    low, high = bounds
    try:
        value = int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {text!r}; write a whole number.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} is {value}; it must be from {low} to {high}.")
    return value


def read_secret_key(env: environ.Env, environment: str, data_dir: Path) -> str:
    """Production and staging must name a key; development makes one and keeps it in `data_dir`."""
    key: str = env.str("SECRET_KEY", default="")
    if key and (environment == "development" or len(key) >= MIN_KEY_CHARACTERS):
        return key
    if environment != "development":
        raise ImproperlyConfigured(
            f"SECRET_KEY is missing or shorter than {MIN_KEY_CHARACTERS} characters, and METABUILDER_ENV is "
            f"{environment}. Make one: python -c 'import secrets; print(secrets.token_urlsafe(64))'"
        )
    return _development_key(data_dir / "secret_key")


def read_storage(env: environ.Env) -> dict[str, Any]:  # Any: a storage's options
    """Say where uploads and large logs are kept: in a bucket if one is named, else in MEDIA_ROOT."""
    bucket: str = env.str("METABUILDER_S3_BUCKET", default="").strip()
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "METABUILDER_S3_BUCKET is set, but the package for it is missing. "
            "Install it: .venv/bin/uv pip install 'django-storages[s3]'"
        )
    options: dict[str, str | None] = {
        "bucket_name": bucket,
        "endpoint_url": env.str("METABUILDER_S3_ENDPOINT", default="") or None,
        "region_name": env.str("METABUILDER_S3_REGION", default="") or None,
        "access_key": env.str("METABUILDER_S3_ACCESS_KEY", default="") or None,
        "secret_key": env.str("METABUILDER_S3_SECRET_KEY", default="") or None,
        "location": env.str("METABUILDER_S3_PREFIX", default="").strip("/"),
    }
    if (options["access_key"] is None) != (options["secret_key"] is None):
        raise ImproperlyConfigured("Set METABUILDER_S3_ACCESS_KEY and METABUILDER_S3_SECRET_KEY together, or neither.")
    return {"BACKEND": "metabuilder.bucket.PrivateBucket", "OPTIONS": options}


def _development_key(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
