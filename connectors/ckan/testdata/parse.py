"""Reads Turtle as CKAN's DCAT extension does: names of files on stdin, an object of them to the
packages that it makes of each on stdout."""
import json
import logging
import sys

logging.disable(logging.CRITICAL)
from ckanext.dcat.processors import RDFParser  # noqa: E402

out = {}
for line in sys.stdin:
    path = line.rstrip("\n")
    parser = RDFParser(profiles=["euro_dcat_ap_3"])
    with open(path, encoding="utf-8") as f:
        parser.parse(f.read(), _format="turtle")
    out[path] = list(parser.datasets())
json.dump(out, sys.stdout)
