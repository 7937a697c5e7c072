"""How does an S3-compatible bucket hold what we store? Private, never overwritten, never waited on for long.

Chosen by `environment.read_storage`; everybody else knows only Django's `default_storage`.
"""

from typing import Any, NoReturn

from botocore.config import Config
from storages.backends.s3 import S3Storage

CONNECT_SECONDS = 5
READ_SECONDS = 30
TRIES = 3


class PrivateBucket(S3Storage):
    """Sends no ACL: what the bucket's owner has set holds, and a bucket is private unless it was opened."""

    client_config: Config

    def get_default_settings(self) -> dict[str, Any]:  # Any: the library's options
        return {
            **super().get_default_settings(),
            "default_acl": None,
            "querystring_auth": False,
            "file_overwrite": False,
            "signature_version": "s3v4",
        }

    def __init__(self, **options: Any) -> None:  # Any: the library's options
        super().__init__(**options)
        style = "path" if self.endpoint_url else "auto"  # few services but Amazon's have a name for each bucket
        ours = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            s3={"addressing_style": style},
            request_checksum_calculation="when_required",  # not every service knows the newer ones
            response_checksum_validation="when_required",
        )
        self.client_config = self.client_config.merge(ours)

    def url(self, *args: Any, **kwargs: Any) -> NoReturn:  # Any: the library's signature
        raise NotImplementedError("What is stored is handed out by our own endpoints, never by its address.")
