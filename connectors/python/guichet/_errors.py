"""What can go wrong, in the gateway's own words."""

from __future__ import annotations

import json
from typing import Any


class GuichetError(Exception):
    """Any error of this package."""


class Refused(GuichetError):
    """The gateway said no, or could not: ``status``, ``title``, ``detail``, ``remedy`` (what
    helps), ``reasons`` (which rules say so) and ``errors`` (which fields are wrong)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self._problem = status, problem
        self.title: str = problem.get("title") or ""
        self.detail: str = problem.get("detail") or ""
        self.remedy: str = problem.get("remedy") or ""
        self.reasons: list[dict[str, Any]] = problem.get("reasons") or []
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        self.retry_after: float | None = None
        text = self.detail or self.title or f"the gateway answered {status}"
        for e in self.errors:
            where, what = e.get("pointer") or e.get("location") or "", e.get("message") or ""
            text = f"{where}: {text}" if what and what == text else f"{text}; {where}: {what}"
        if self.remedy:
            text += f". What helps: {self.remedy}"
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Refused, (self.status, self._problem)  # so that it comes whole from another process

    @property
    def passes(self) -> bool:
        """Whether the same request may go well in a moment."""
        return self.status in (429, 502, 503, 504)


class Broken(GuichetError):
    """A stream was cut and could not be taken up again. ``rows`` are the rows of this part
    that came before."""

    def __init__(self, text: str, rows: int) -> None:
        self.rows = rows
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Broken, (str(self), self.rows)


def refusal(status: int, body: bytes, retry_after: str | None) -> Refused:
    """Reads an answer of the kind application/problem+json; of another, its beginning."""
    try:
        problem = json.loads(body)
        if not isinstance(problem, dict):
            problem = {"detail": str(problem)}
    except ValueError:
        problem = {"detail": body[:200].decode("utf-8", "replace").strip()}
    r = Refused(status, problem)
    try:
        r.retry_after = float(retry_after) if retry_after else None
    except ValueError:
        pass
    return r
