"""Streams releases of a dossier again, and says of each whether the same rows come.

    python reproduce.py --dossier dossier.zip --gateway https://guichet.example --token-file token \\
        [--sample sample.json] [--kept kept.jsonl]

Needs pyarrow. --dossier may be given several times, one for each project. --sample is the report of a
sample as JSON (GET /api/v1/reports/sample): its releases alone are looked at; without it all of the dossiers'.
The token is of a person or client who may lease these agreements: a trainer of the project. What is streamed
again is a release like any other, and is charged to budgets as any other; in the name of the same run rows that
were paid for cost nothing.

What a release is said to have been is taken from its two entries of the record alone. Each value is held against
the leaf that commits to it, and the leaf against the root of the dossier's checkpoint; whether the checkpoint
is signed by the log, `guichet audit verify --key KEY records.zip` says.

The record counts rows and bytes and holds no digest of them. Who kept digests of what came (lines of JSON with release
and digests, as this script prints them) has each column held against them too. Where the pseudonyms alone are others,
the key that they are made with was changed since.

One line of JSON is printed for each release: "same", "other" or "cannot", and why. It ends with 1 where
one is another than the record says, with 2 where the dossier itself does not hold.
"""
import argparse, base64, hashlib, io, json, sys, time, urllib.error, urllib.parse, urllib.request, zipfile


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(index, size, leaf, proof):
    """The root of a tree of so many leaves that has this leaf [RFC 9162, 2.1.3.2]."""
    fn, sn, h = index, size - 1, sha(b"\0", leaf)
    for p in map(base64.b64decode, proof):
        if sn == 0:
            raise ValueError("too many hashes")
        if fn & 1 or fn == sn:
            h = sha(b"\1", p, h)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            h = sha(b"\1", h, p)
        fn, sn = fn >> 1, sn >> 1
    return h if sn == 0 else None


def records_of(dossier):
    """The records of a dossier by their indices: leaf, and the values that open it."""
    with zipfile.ZipFile(dossier) as outer:
        note = outer.read("checkpoint").decode().split("\n")
        inner = zipfile.ZipFile(io.BytesIO(outer.read("records.zip")))
    size, root, out = int(note[1]), base64.b64decode(note[2]), {}
    for line in inner.read("records.jsonl").decode().splitlines():
        r = json.loads(line)
        leaf = base64.b64decode(r["leaf"])
        if root_of(r["index"], size, leaf, r["proof"]) != root:
            raise ValueError(f"record {r['index']} is not in the tree of the checkpoint")
        said, values = json.loads(leaf), {}
        for name, value in r.get("values", {}).items():
            salt = base64.b64decode(r["salts"][name])
            if base64.b64encode(sha(salt, b"\0", name.encode(), b"\0", value.encode())).decode() != said["values"][name]:
                raise ValueError(f"the value {name} of record {r['index']} is not what was recorded")
            values[name] = value
        erased = sorted(set(said["values"]) - set(values))
        out[r["index"]] = {"kind": said["kind"], "numbers": said["numbers"], "values": values, "erased": erased}
    return out


def releases_of(records):
    """Each release with its begin and its end, by its id."""
    out = {}
    for index, r in sorted(records.items()):
        if r["kind"] in ("release.begin", "release.end") and "release" in r["values"]:
            out.setdefault(r["values"]["release"], {})[r["kind"]] = r
            out[r["values"]["release"]].setdefault("index", index)
    return out


def sampled(path):
    """The ids of the releases that a sample drew."""
    for t in json.load(open(path, encoding="utf-8"))["tables"]:
        if t["name"] == "sample":
            at = [c["name"] for c in t["columns"]].index("release")
            return [row[at] for row in t["rows"]]
    raise ValueError("this is no sample")


class Rows:
    """Counts rows and takes a digest of each column: SHA-256 over each value as JSON, a line for each, whatever batches
    they came in."""

    def __init__(self):
        self.count, self.hashes = 0, {}

    def add(self, batch):
        for name, column in zip(batch.schema.names, batch.columns):
            h = self.hashes.setdefault(name, hashlib.sha256())
            for value in column.to_pylist():
                h.update(json.dumps(value, sort_keys=True, default=repr).encode() + b"\n")
        self.count += batch.num_rows

    @property
    def digests(self):
        return {name: h.hexdigest() for name, h in self.hashes.items()}


class Counted(io.RawIOBase):
    """A stream whose bytes are counted."""

    def __init__(self, inner):
        self.inner, self.bytes = inner, 0

    def readable(self):
        return True

    def readinto(self, b):
        n = self.inner.readinto(b)
        self.bytes += n
        return n


def refusal(error):
    """Why the gateway does not give it, in its own words."""
    try:
        said = json.load(error)
        return ": ".join(x for x in (said.get("rule"), said.get("detail") or said.get("title")) if x)
    except ValueError:
        return f"the gateway answers {error.code}"


class Gateway:
    def __init__(self, address, token):
        self.api, self.token, self.leases = address.rstrip("/") + "/api/v1", token, {}

    def ask(self, path, token, body=None):
        head = {"Authorization": "Bearer " + token}
        if body is not None:
            head["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(self.api + path, body, head), timeout=600)

    def lease(self, agreement, run, version):
        token, until = self.leases.get((agreement, run, version), (None, 0))
        if time.monotonic() >= until:  # a lease is good for a quarter of an hour at most
            body = {"items": [{"agreement": agreement}]}
            if run:
                body["run"] = run
            if version:
                body["items"][0]["version"] = version
            with self.ask("/leases", self.token, body) as answer:
                token = json.load(answer)["token"]
            self.leases[agreement, run, version] = token, time.monotonic() + 300
        return token

    def pseudonyms(self, agreement):
        """The columns whose values are pseudonyms."""
        with self.ask("/agreements/" + agreement, self.token) as answer:
            duties = json.load(answer).get("obligations", [])
        return sorted({c for d in duties if d["kind"] == "pseudonymise" for c in d.get("columns", [])})

    def stream(self, agreement, run, query):
        """The release and the bytes of a stream."""
        path = f"/agreements/{agreement}/stream?" + urllib.parse.urlencode(query)
        answer = self.ask(path, self.lease(agreement, run, query.get("version")))
        return answer.headers["Guichet-Release"], answer


def asked(begin):
    """What to ask the API for, so that the same is streamed again."""
    v = begin["values"]
    query = dict(part.split("=", 1) for part in v["ask"].split())
    for name in ("table", "split", "version"):
        if v.get(name):
            query[name] = v[name]
    columns = json.loads(v["columns"]) if v.get("columns", "").startswith("[") else None
    if columns and not any("," in c for c in columns):
        query["columns"] = ",".join(columns)
    if v.get("run"):
        query["run"] = v["run"]
    return query, columns


def again(gateway, release, kept):
    """Streams a release again: what it came to, and how that compares."""
    import pyarrow as pa

    begin, end = release["release.begin"], release.get("release.end")
    out = {"release": begin["values"]["release"], "agreement": begin["values"].get("agreement"), "begin": release["index"]}
    cannot = lambda why: dict(out, result="cannot", why=why)
    if end is None:
        return cannot("it had not ended: only its most is known")
    state, rows, size = end["values"].get("state"), end["numbers"].get("rows", 0), end["numbers"].get("bytes", 0)
    out.update(state=state, rows=rows, bytes=size)
    gone = [n for n in ("agreement", "version", "table", "split", "ask", "columns", "door") if n in begin["erased"]]
    if gone:
        return cannot("erased in the record: " + ", ".join(gone))
    if state in ("unknown", "by-url"):
        return cannot("its rows are known as a bound alone: " + state)
    if begin["values"].get("door") not in ("http", "flight"):
        return cannot("it was given as files by the door " + str(begin["values"].get("door")))
    query, columns = asked(begin)
    found = Rows()
    try:
        hidden = gateway.pseudonyms(begin["values"]["agreement"])
        out["again"], answer = gateway.stream(begin["values"]["agreement"], begin["values"].get("run"), query)
        with answer:
            counted = Counted(answer)
            with pa.ipc.open_stream(io.BufferedReader(counted)) as reader:
                for batch in reader:
                    left = rows - found.count
                    found.add(batch if state == "complete" or batch.num_rows <= left else batch.slice(0, left))
                    if state != "complete" and found.count >= rows:
                        break  # it was cut short, and this is where
                names = reader.schema.names
    except urllib.error.HTTPError as e:
        return cannot(refusal(e))
    except (pa.ArrowException, OSError) as e:
        return cannot(f"the stream broke: {e}")
    out.update(digests=found.digests, found_rows=found.count)
    if state == "complete":
        out["found_bytes"] = counted.bytes
    wrong = []
    if found.count != rows:
        wrong.append(f"{found.count} rows come, {rows} are recorded")
    if columns is not None and names != columns:
        wrong.append(f"the columns {names} come, {columns} are recorded")
    if state == "complete" and begin["values"]["door"] == "http" and counted.bytes != size:
        wrong.append(f"{counted.bytes} bytes come, {size} are recorded")
    differ = sorted(n for n in found.digests if kept is not None and kept.get(n) != found.digests[n])
    if not wrong and differ and set(differ) <= set(hidden):
        return cannot("the pseudonyms are others, in " + ", ".join(differ) + ": the key that they are made with was changed")
    if differ:
        wrong.append("other values come than were kept, in " + ", ".join(differ))
    return dict(out, result="other" if wrong else "same", why="; ".join(wrong))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dossier", action="append", required=True)
    p.add_argument("--sample")
    p.add_argument("--kept")
    p.add_argument("--gateway", required=True)
    p.add_argument("--token-file", required=True)
    args = p.parse_args()
    try:
        releases = {}
        for d in args.dossier:
            releases.update(releases_of(records_of(d)))
        wanted = sampled(args.sample) if args.sample else sorted(releases, key=lambda i: releases[i]["index"])
    except (ValueError, KeyError, zipfile.BadZipFile) as e:
        print(f"the dossier does not hold: {e}", file=sys.stderr)
        return 2
    kept = {}
    if args.kept:
        for line in open(args.kept, encoding="utf-8"):
            said = json.loads(line)
            kept[said["release"]] = said["digests"]
    gateway, other, same = Gateway(args.gateway, open(args.token_file, encoding="utf-8").read().strip()), False, False
    for id in wanted:
        if "release.begin" not in releases.get(id, {}):
            said = {"release": id, "result": "cannot", "why": "its begin is in none of the dossiers: take that of its project"}
        else:
            said = again(gateway, releases[id], kept.get(id))
        other, same = other or said["result"] == "other", same or said["result"] == "same"
        print(json.dumps(said), flush=True)
    if wanted and not same and not other:
        print("nothing could be compared", file=sys.stderr)
        return 3
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
