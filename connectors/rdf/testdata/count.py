"""Counts the statements of files with rdflib: reads lines FORMAT TAB PATH, writes an object of
paths to counts, or to the first line of what is wrong."""
import json
import logging
import sys

import rdflib

logging.disable(logging.CRITICAL)
out = {}
for line in sys.stdin:
    form, path = line.rstrip("\n").split("\t")
    try:
        out[path] = len(rdflib.Graph().parse(path, format=form, publicID="https://source.example/"))
    except Exception as e:  # whatever its parsers raise
        out[path] = (str(e) or type(e).__name__).strip().split("\n")[0][:200]
json.dump(out, sys.stdout)
