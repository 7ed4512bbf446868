"""The key of a job, with which it gets leases for weeks while nobody is signed in."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from typing import Any

from ._errors import GuichetError


class JobKey:
    """A file of ``guichet job-key``: the private half of a key that signs what a job asks for.

    It signs with the package cryptography where that is installed, else with OpenSSL 3."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        try:
            mode = os.stat(self.path).st_mode
            with open(self.path, encoding="utf-8") as f:
                text = f.read()
        except FileNotFoundError:
            raise GuichetError(
                f"there is no job key at {os.path.abspath(self.path)}, which job_key= or GUICHET_JOB_KEY names: "
                "copy it there, or make one where you are signed in, with guichet job-key AGREEMENT --out FILE"
            ) from None
        except OSError as e:
            raise GuichetError(f"the job key {self.path} cannot be read: {e.strerror}") from None
        if os.name == "posix" and mode & 0o027:
            raise GuichetError(f"others may read the job key {self.path}: chmod 600 it, and make another if anybody has")
        said = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        try:
            self.server, self.id = said["server"], said["id"]
        except KeyError as e:
            raise GuichetError(f"{self.path} is no file of guichet job-key: it does not say {e}") from None
        if not self.id.startswith("jobkey-") or "-----BEGIN PRIVATE KEY-----" not in text:
            raise GuichetError(f"{self.path} is no file of guichet job-key: there is no private key in it")
        self._pem = text[text.index("-----BEGIN") :].encode()

    def __reduce__(self) -> tuple[Any, ...]:
        return JobKey, (self.path,)  # the file goes to other processes by its name

    def token(self, body: bytes) -> str:
        """What stands for a bearer token in a request with this body, for some minutes."""
        seconds = int(time.time())
        signed = f"guichet job key 1\n{self.id}\n{seconds}\n{hashlib.sha256(body).hexdigest()}\n".encode()
        return f"{self.id}.{seconds}.{self._sign(signed).hex()}"

    def _sign(self, text: bytes) -> bytes:
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        except ImportError:
            return self._openssl(text)
        key = load_pem_private_key(self._pem, None)
        if not isinstance(key, Ed25519PrivateKey):
            raise GuichetError(f"the key in {self.path} is no Ed25519 key")
        return key.sign(text)

    def _openssl(self, text: bytes) -> bytes:
        program = shutil.which("openssl")
        if program is None:
            raise GuichetError("a job key signs with the package cryptography (pip install cryptography) or with OpenSSL 3: neither is here")
        with tempfile.NamedTemporaryFile() as f:  # of what is signed, which is no secret
            f.write(text)
            f.flush()
            done = subprocess.run(
                [program, "pkeyutl", "-sign", "-inkey", self.path, "-rawin", "-in", f.name], capture_output=True, check=False
            )
        if done.returncode != 0 or len(done.stdout) != 64:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise GuichetError(f"openssl does not sign with {self.path} (version 3 does; or pip install cryptography): {said}")
        return done.stdout
