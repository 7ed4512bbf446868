"""A gateway, as one member of an organisation sees it."""

from __future__ import annotations

import datetime
import http.client
import json
import os
import pathlib
import pickle
import threading
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence, Union

import pyarrow as pa

from ._dataset import Dataset
from ._errors import GuichetError, Refused
from ._http import Http, query
from ._jobkey import JobKey
from ._reading import ATTEMPTS, pause
from ._session import signed_in

Token = Union[str, Callable[[], str], None]


def connect(
    url: str | None = None,
    token: Token = None,
    *,
    job_key: str | os.PathLike[str] | None = None,
    ca: str | None = None,
    timeout: float = 60,
) -> Site:
    """Connects to a gateway.

    url: its address; GUICHET_SERVER of the environment when left out.
    token: yours, of your issuer: a text, or a function that gives one and is called again
        when a token is needed (``pathlib.Path("token").read_text`` reads a file that something renews).
        When left out, the file that GUICHET_TOKEN_FILE names, read anew each time; else those
        of your sign-in by ``guichet login``, which also says which gateway.
    job_key: a file of ``guichet job-key``, in place of a token: a job gets leases with it for
        weeks while nobody is signed in, and can do nothing else. Without a token the one
        that GUICHET_JOB_KEY names.
    ca: a file of certificate authorities; else GUICHET_CA, REQUESTS_CA_BUNDLE, the system's.
    timeout: seconds that the gateway may be silent.
    """
    if token is not None and job_key is not None:
        raise GuichetError("give a token or a job key: a job has nobody who is signed in")
    if token is None and job_key is None:
        job_key = os.environ.get("GUICHET_JOB_KEY") or None
    key = JobKey(job_key) if job_key is not None else None
    url = url or os.environ.get("GUICHET_SERVER") or (key.server if key else None)
    if key is None and token is None and os.environ.get("GUICHET_TOKEN_FILE"):
        token = pathlib.Path(os.environ["GUICHET_TOKEN_FILE"]).read_text
    if key is None and token is None:
        session = signed_in(url)
        if session is not None:
            token, url, ca = session, url or session.server, ca or session.ca
    if not url:
        raise GuichetError("say which gateway: connect('https://guichet.example'), set GUICHET_SERVER, or sign in with guichet login")
    return Site(Http(url, ca, timeout), token, key)


@dataclass(frozen=True)
class Hit:
    """A dataset that a search found. ``access`` is now, ask, no or elsewhere; ``all`` is the
    whole answer about it."""

    id: str
    title: str
    access: str
    all: dict[str, Any]


class Site:
    """A gateway, with a token. Safe for several threads; it goes to other processes where
    the token does: a text, or a function that is found by its name."""

    def __init__(self, calls: Http, token: Token, job_key: JobKey | None = None) -> None:
        self._http = calls
        self._token = token
        self._job_key = job_key

    def __getstate__(self) -> dict[str, Any]:
        try:
            pickle.dumps(self._token)
        except Exception as e:
            raise GuichetError(
                f"the function that token= gave cannot be sent to another process ({e}): give pathlib.Path(file).read_text, "
                "or a function of a module, or leave token out and set GUICHET_TOKEN_FILE"
            ) from None
        return self.__dict__

    def token(self) -> str | None:
        """The caller's token as it is now."""
        t = self._token() if callable(self._token) else self._token
        return t.strip() if t else None

    def get(self, path: str) -> Any:
        """Any answer of the API, below /api/v1."""
        return self._http.call("GET", path, self.token())

    def post(self, path: str, body: Any, *, once: str | None = None) -> Any:
        """Any call of the API that writes. ``once`` makes it safe to repeat."""
        token = self._job_key.token(json.dumps(body).encode()) if self._job_key else self.token()
        return self._http.call("POST", path, token, body, {"Idempotency-Key": once} if once else None)

    def upload(self, dataset: str, table: str, split: str, name: str, data: Any) -> None:
        """Sends a file (bytes or a buffer) for a version of a dataset of yours, which names it in the
        publication: ``site.post(f"/datasets/{dataset}/versions", {"uploaded": True, "tables": …})``."""
        path = f"/datasets/{dataset}/files/{table}/{split}/{urllib.parse.quote(name, safe='')}"
        for attempt in range(ATTEMPTS):
            try:
                self._http.send(path, self.token(), data)
                return
            except Refused as r:
                if not r.passes or attempt == ATTEMPTS - 1:
                    raise
                pause(attempt, r.retry_after, None)
            except OSError:
                if attempt == ATTEMPTS - 1:
                    raise
                pause(attempt, None, None)

    def search(self, words: str = "", *, limit: int = 100, **filters: Any) -> Iterator[Hit]:
        """Finds datasets of all spaces, best first. Filters are those of the API: project,
        purpose, space, theme, country, language, publisher, licence, column, unit, access …"""
        cursor = None
        while limit > 0:
            page = self.get("/datasets" + query({"q": words or None, "limit": min(limit, 100), "cursor": cursor, **filters}))
            for item in page["items"]:
                titles = item["title"]
                yield Hit(item["id"], titles.get("en") or next(iter(titles.values()), ""), item["access"], item)
                limit -= 1
                if limit == 0:
                    return
            cursor = page.get("next")
            if not cursor:
                return

    def stand_in(
        self,
        dataset: str,
        *,
        rows: int = 1000,
        seed: int = 0,
        version: str | None = None,
        table: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Made-up rows with the names, types, units and descriptions of a dataset, the same for
        the same seed: to write and try a job before anybody has permitted it to read the data."""
        asked = {"rows": rows, "seed": seed, "version": version, "table": table, "columns": columns}
        with self._http.open("GET", f"/datasets/{dataset}/stand-in.arrow" + query(asked), self.token()) as answer:
            return pa.ipc.open_file(pa.py_buffer(answer.read())).read_all()

    def request(
        self,
        dataset: str | Sequence[str],
        *,
        project: str,
        purpose: str | None = None,
        columns: Sequence[str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Asks for datasets: the answer's ``state`` is granted, pending or refused, and each
        of its ``items`` that was granted names an ``agreement``."""
        ids = [dataset] if isinstance(dataset, str) else list(dataset)
        items = [{"dataset": d, **({"columns": list(columns)} if columns else {})} for d in ids]
        body = {"project": project, "purpose": purpose, "items": items, **more}
        answer: dict[str, Any] = self.post("/requests", {k: v for k, v in body.items() if v is not None}, once=str(uuid.uuid4()))
        return answer

    def dataset(self, agreement: str, **options: Any) -> Dataset:
        """The data of an agreement; options are those of Dataset."""
        return Dataset(self, agreement, **options)


class Lease:
    """The key of a job, renewed before it ends: on ``version`` where one is set, so that no
    renewal moves to a later one. Safe for several threads."""

    early = datetime.timedelta(seconds=60)

    def __init__(self, site: Site, agreement: str, version: str | None, run: str | None) -> None:
        self._site, self._agreement, self._run, self.version = site, agreement, run, version
        self._lock = threading.Lock()
        self._answer: dict[str, Any] | None = None

    def token(self, *, renew: bool = False) -> str:
        """A token that is good for a minute at least."""
        with self._lock:
            now = datetime.datetime.now(datetime.timezone.utc)
            if renew or self._answer is None or moment(self._answer["until"]) - self.early < now:
                item = {"agreement": self._agreement, **({"version": self.version} if self.version else {})}
                ask: dict[str, Any] = {"items": [item]}
                if self._run:
                    ask["run"] = self._run
                self._answer = self._site.post("/leases", ask)
            return str(self._answer["token"])

    def use(self, call: Callable[[str], Any]) -> Any:
        """Calls with a token, again where that may help."""
        renewed = False
        for attempt in range(ATTEMPTS):
            try:
                return call(self.token(renew=renewed))
            except Refused as r:
                if r.status == 401 and not renewed:
                    renewed = True
                    continue
                if not r.passes or attempt == ATTEMPTS - 1:
                    raise
                pause(attempt, r.retry_after, None)
            except (OSError, http.client.HTTPException):
                if attempt == ATTEMPTS - 1:
                    raise
                pause(attempt, None, None)
        raise AssertionError("not reached")

    def again(self) -> Lease:
        """The same lease, for another thread or process, which renews it for itself."""
        other = Lease(self._site, self._agreement, self.version, self._run)
        other._answer = self._answer
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        return Lease, (self._site, self._agreement, self.version, self._run)

    @property
    def ends_at(self) -> datetime.datetime | None:
        """When the agreement ends; None where nothing was leased yet."""
        return moment(self._answer["ends_at"]) if self._answer else None


def moment(text: str) -> datetime.datetime:
    """A time of RFC 3339; digits beyond microseconds are left out."""
    head, dot, tail = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        head += "." + tail[:digits][:6].ljust(6, "0") + tail[digits:]
    return datetime.datetime.fromisoformat(head)
