"""The security headers of every answer."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from streamlit import file_util

HOSTS = "'self' https://*.streamlit.app https://share.streamlit.io"
"""The sites that may frame the app unless told: itself, and Community Cloud, which shows every app in a frame."""
_SITE = re.compile(r"'self'|'none'|https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5}|:\*)?", re.IGNORECASE)


def sites(given: str) -> str:
    """The sources of a ``frame-ancestors``. Anything else could end the header or open it to more."""
    listed = given.split()
    wrong = [site for site in listed if not _SITE.fullmatch(site)]
    if wrong or ("'none'" in listed and len(listed) > 1):
        raise ValueError(
            f"DLVIZ_FRAME_ANCESTORS has {(wrong or listed)[0][:60]!r}. Allowed: 'none' alone, or 'self' and sites "
            "such as https://lecture.example.org or https://*.example.org, with spaces between them."
        )
    return " ".join(listed)


def headers(frame_ancestors: str) -> dict[str, str]:
    """The headers, by name.

    Streamlit's front end needs no more than this: its own files, one short script in its page (allowed by its
    hash), styles made while it runs, and pictures and fonts as data. Vega's expressions go through an interpreter
    there, so ``unsafe-eval`` is not needed.
    """
    page = (Path(file_util.get_static_dir()) / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *(f"'sha256-{value}'" for value in hashes)]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": frame_ancestors,
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
    }
