"""What must not leave the log? Secrets, in every text that a person or a model will read."""

from autofix.classifier.rules import compiled

MASK = "[redacted]"
_PRIVATE_KEY = compiled(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)")
_KEY_END_ONLY = compiled(r"(?s)\A.*-----END [A-Z0-9 ]*PRIVATE KEY-----")
# Each keeps group 1 and masks the rest.
_SECRETS = tuple(
    compiled(pattern)
    for pattern in (
        r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\"]*:[^\s/@'\"]*(?:@[^\s/@'\"]*)*@",
        r"(\bhttps?://)[A-Za-z0-9_.-]{16,}@",
        r"(?i)(\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+",
        r"(?i)(\b(?:set-)?cookie:\s*)[^\r\n]+",
        r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}",
        r"()\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",
        r"()\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
        r"()\b(?:gl(?:pat|rt|ptt|cbt|dt)-[\w-]{16,})",
        r"()\b(?:sk|rk|pk)[-_](?:live|test|proj|ant|or|svcacct)?[-_]?[A-Za-z0-9_-]{20,}",
        r"()\b(?:xox[abposr]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})",
        r"()\b(?:npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,})",
        r"()\b(?:AIza[\w-]{30,}|ya29\.[\w-]{20,}|hf_[A-Za-z0-9]{30,})",
        r"()\b(?:dckr_pat_[\w-]{20,}|hvs\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,})",
        r"()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
        r"()hooks\.slack\.com/services/[\w/]+",
        r"(?i)([\w.-]*(?:password|passwd|passphrase|pwd|secret|token|credential"
        r"|(?:api|access|private)[_-]?key)s?[\w.-]*['\"]?\s*(?::=|=>|[:=])\s*)"
        r"(?:'[^'\r\n]*'|\"[^\"\r\n]*\"|[^\s'\",;&)\]}]+)",
        r"(?m)^()[A-Za-z0-9+/]{60,}={0,2}$",
        r"(?i)(--?(?:password|passwd|token|secret|api-?key)(?:\s+|=))[^\s-][^\s]*",
    )
)


def redact(text: str) -> str:
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(MASK, text)
        text = _KEY_END_ONLY.sub(MASK, text)
    for pattern in _SECRETS:
        text = pattern.sub(lambda match: f"{match.group(1)}{MASK}{_at(match.group(0))}", text)
    return text


def _at(masked: str) -> str:
    return "@" if "://" in masked and masked.endswith("@") else ""
