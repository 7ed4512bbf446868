"""The sign-in of ``guichet login``, which the command line and this package share."""

from __future__ import annotations

import base64
import calendar
import json
import os
import pathlib
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from ._errors import GuichetError
from ._http import NoRedirect

try:
    import fcntl
except ImportError:  # Windows, where the command line has no such lock either
    fcntl = None  # type: ignore[assignment]

EARLY = 60  # seconds before a token's end in which another is got


def _folder() -> pathlib.Path:
    """Where ``guichet login`` keeps it."""
    if os.environ.get("GUICHET_HOME"):
        return pathlib.Path(os.environ["GUICHET_HOME"])
    home = pathlib.Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "guichet"
    if sys.platform == "win32":
        return pathlib.Path(os.environ.get("AppData") or home) / "guichet"
    return pathlib.Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "guichet"


class Session:
    """Tokens of a sign-in: a new one before the last one ends. It goes to other processes, which
    get tokens of their own. Safe for several threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock, self._token, self._until = threading.Lock(), "", 0.0
        try:
            with open(path, encoding="utf-8") as f:
                said: dict[str, str] = json.load(f)
            self.server, self._issuer = said["server"], said.get("issuer") or ""
            self._client, self._secret, self.ca = said.get("client_id") or "", said.get("client_secret_file") or "", said.get("ca") or None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
            raise GuichetError(f"the sign-in in {path} cannot be read ({e}): sign in again with guichet login") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Session, (self.path,)

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() > self._until:
                self._token, seconds = self._asked()
                self._until = time.monotonic() + max(0.0, seconds - EARLY)
            return self._token

    def _asked(self) -> tuple[str, float]:
        """A token, and the seconds that it is good for [RFC 6749 §4.4]."""
        if not self._secret:
            return self._personal()
        try:
            if os.name == "posix" and os.stat(self._secret).st_mode & 0o027:
                raise GuichetError(f"others may read the secret {self._secret}: chmod 600 it, and renew it if anybody has")
            with open(self._secret, encoding="utf-8") as f:
                secret = f.read().strip()
        except OSError as e:
            raise GuichetError(f"the secret of your sign-in cannot be read ({e}): sign in again with guichet login") from None
        answer = self._answer({"grant_type": "client_credentials"}, secret)
        return answer["access_token"], float(answer.get("expires_in") or 0)

    def _personal(self) -> tuple[str, float]:
        """The token of a person who signed in with a browser. Of all programs of a machine one
        renews it at a time, since many refresh tokens are good once."""
        path = os.path.join(os.path.dirname(self.path), "tokens.json")
        kept, seconds = self._kept(path)
        if seconds > EARLY:
            return kept["access_token"], seconds
        with open(path + ".lock", "ab") as lock:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX)
            kept, seconds = self._kept(path)
            if seconds > EARLY or not kept.get("refresh_token"):
                return kept["access_token"], seconds
            answer = self._answer({"grant_type": "refresh_token", "refresh_token": kept["refresh_token"], "client_id": self._client})
            seconds = float(answer.get("expires_in") or 0)
            kept.update(access_token=answer["access_token"], refresh_token=answer.get("refresh_token") or kept["refresh_token"])
            kept["until"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
            part = f"{path}.{os.getpid()}.part"
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
                json.dump(kept, f)
            os.replace(part, path)
            return kept["access_token"], seconds

    def _kept(self, path: str) -> tuple[dict[str, str], float]:
        """What ``guichet login`` kept for this person, and the seconds that its access token is good for."""
        try:
            if os.name == "posix" and os.stat(path).st_mode & 0o027:
                raise GuichetError(f"others may read the tokens {path}: chmod 600 it, and sign in again")
            with open(path, encoding="utf-8") as f:
                kept: dict[str, str] = json.load(f)
            if (kept["issuer"], kept["client_id"]) != (self._issuer, self._client):
                raise ValueError("they are of another sign-in")
            until = calendar.timegm(time.strptime(kept["until"][:19], "%Y-%m-%dT%H:%M:%S"))
            return {**kept, "access_token": str(kept["access_token"])}, until - time.time()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
            raise GuichetError(f"the tokens of your sign-in cannot be read ({e}): sign in again with guichet login") from None

    def _answer(self, form: dict[str, str], secret: str = "") -> dict[str, Any]:
        """What the issuer gives for a form; the secret of a client goes with it."""
        issuer, headers = self._issuer.rstrip("/"), {}
        try:
            said = self._read(urllib.request.Request(issuer + "/.well-known/openid-configuration"))
            at = said["token_endpoint"]
            if urllib.parse.urlsplit(at).scheme != "https" and urllib.parse.urlsplit(issuer).scheme == "https":
                raise GuichetError(f"the issuer {issuer} wants the secret without TLS, at {at}")
            if secret and "client_secret_basic" in (said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]):
                both = f"{urllib.parse.quote(self._client, safe='')}:{urllib.parse.quote(secret, safe='')}"
                headers["Authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
            elif secret:
                form = {**form, "client_id": self._client, "client_secret": secret}
            answer: dict[str, Any] = self._read(urllib.request.Request(at, urllib.parse.urlencode(form).encode(), headers))
            return {**answer, "access_token": str(answer["access_token"])}
        except urllib.error.HTTPError as e:
            with e:
                raise GuichetError(f"the issuer {issuer} gave no token for the client {self._client}: it answered {e.code}") from None
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise GuichetError(f"the issuer {issuer} gave no token for the client {self._client}: {e!r}") from None

    def _read(self, request: urllib.request.Request) -> Any:
        certificates = ssl.create_default_context(cafile=self.ca or os.environ.get("GUICHET_CA") or None)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=certificates), NoRedirect())
        with opener.open(request, timeout=60) as answer:
            return json.loads(answer.read(1 << 20))


def signed_in(url: str | None) -> Session | None:
    """The sign-in of this machine, where there is one and it is for this gateway."""
    path = _folder() / "session.json"
    if not path.exists():
        return None
    session = Session(os.fspath(path))
    if not session._issuer or (url and url.rstrip("/") != session.server.rstrip("/")):
        return None
    return session
