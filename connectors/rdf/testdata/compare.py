"""Compares graphs with rdflib: reads an array of {Of, Form, As, Other}, writes a line for each
pair that is not the same graph."""
import json
import logging
import sys

import rdflib
from rdflib.compare import to_isomorphic

logging.disable(logging.CRITICAL)
base = "https://source.example/"


def graph(path, form):
    """The graph of a file; names of languages have no case, and IRIs are as they are resolved."""
    out = rdflib.Graph()
    for s, p, o in rdflib.Graph().parse(path, format=form, publicID=base):
        if isinstance(o, rdflib.Literal):
            datatype = None if o.datatype == rdflib.XSD.string else o.datatype  # a plain literal is one [RDF 1.1]
            o = rdflib.Literal(str(o), lang=o.language and o.language.lower(), datatype=datatype, normalize=False)
        out.add((s, p, o))
    return out


for pair in json.load(sys.stdin):
    try:
        have, want = graph(pair["Other"], pair["As"]), graph(pair["Of"], pair["Form"])
    except Exception as e:  # whatever its parsers raise
        print(pair["Other"], type(e).__name__, str(e)[:300])
        continue
    if to_isomorphic(have) != to_isomorphic(want):
        print(pair["Of"], "as", pair["As"], len(have), len(want))
        for t in list(set(have) - set(want))[:3]:
            print("  +", t)
        for t in list(set(want) - set(have))[:3]:
            print("  -", t)
