"""Secrets of tenants at rest: sealed with a key made of SECRET_KEY; older keys in SECRET_KEY_FALLBACKS still open.

Fernet (AES-128-CBC with HMAC-SHA256, cryptography.io); the key is HKDF-SHA256 of the secret key, so that what is
signed with it and what is sealed share no key.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"metabuilder sealed values"


class CannotUnseal(Exception):
    """The value was sealed with a key that is not known any more."""


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotUnseal("sealed with a SECRET_KEY that is neither in force nor a fallback: enter it again") from None


def _fernet() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str | bytes) -> bytes:
    secret = key if isinstance(key, bytes) else key.encode()
    return base64.urlsafe_b64encode(HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret))
