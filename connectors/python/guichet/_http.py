"""HTTP/1.1 with a bearer token: proxies of the environment, certificates of the site."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Mapping

from ._errors import GuichetError, refusal

MAX_ANSWER = 64 << 20  # bytes of an answer that is no stream


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token or a secret goes where it was meant to go, and nowhere else."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        return None


class Http:
    """Sends requests to one gateway."""

    def __init__(self, url: str, ca: str | None, timeout: float) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise GuichetError(f"{url!r} is not an address; write it like https://guichet.example")
        ca = ca or os.environ.get("GUICHET_CA") or os.environ.get("REQUESTS_CA_BUNDLE") or None
        self.base = url.rstrip("/") + "/api/v1"
        self.timeout = timeout
        self._made = (url, ca, timeout)
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)), NoRedirect()
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Http, self._made

    def open(
        self, method: str, path: str, token: str | None, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Sends a request. Raises Refused; OSError where the gateway is not reached."""
        data = None if body is None else json.dumps(body).encode()
        r = urllib.request.Request(self.base + path, data=data, method=method, headers=dict(headers or {}))
        if data is not None:
            r.add_header("Content-Type", "application/json")
        return self._sent(r, token)

    def send(self, path: str, token: str | None, data: Any) -> None:
        """Puts bytes where a path says."""
        r = urllib.request.Request(self.base + path, data=bytes(data), method="PUT")
        r.add_header("Content-Type", "application/octet-stream")
        self._sent(r, token).close()

    def _sent(self, r: urllib.request.Request, token: str | None) -> http.client.HTTPResponse:
        if token:
            r.add_unredirected_header("Authorization", "Bearer " + token)
        try:
            return self._opener.open(r, timeout=self.timeout)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as e:
            with e:
                raise refusal(e.code, e.read(1 << 20), e.headers.get("Retry-After")) from None

    def outside(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Gets what another host has, with these headers and no token. Raises OSError, also where it
        refuses."""
        try:
            return self._opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=self.timeout)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as e:
            with e:
                raise OSError(f"the store answered {e.code}: {e.read(300).decode('utf-8', 'replace')}") from None

    def call(
        self, method: str, path: str, token: str | None, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Sends a request and reads the answer as JSON."""
        with self.open(method, path, token, body, headers) as answer:
            text = answer.read(MAX_ANSWER)
        return json.loads(text) if text else None


def query(values: Mapping[str, Any]) -> str:
    """What is given, as a query; None is left out, lists are joined by commas."""
    given = {k: ",".join(v) if isinstance(v, (list, tuple)) else str(v) for k, v in values.items() if v is not None}
    return "?" + urllib.parse.urlencode(given) if given else ""
