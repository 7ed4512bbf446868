#!/usr/bin/env bash
# mlcroissant 1.1.1 ends in a RecursionError on a Croissant whose usageInfo, an ODRL offer, names
# the dataset as its target: it nests what a node refers to into the node, and the dataset refers to
# the offer. JSON-LD has no rule against circles, and a target is what ODRL offers have.
#
# Good sense: the offer is nested once, and what leads back is kept as a reference.
# Seen: RecursionError: maximum recursion depth exceeded; without odrl:target it is read.
set -euo pipefail
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
python3 -m venv "$d/venv"
"$d/venv/bin/python" -m pip install -q --disable-pip-version-check mlcroissant==1.1.1
cat > "$d/data.json" <<'END'
{"@context": {"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
  "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo", "odrl": "http://www.w3.org/ns/odrl/2/"},
 "@id": "https://x.example/d", "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.1", "name": "d", "description": "d",
 "url": "https://x.example/d", "license": "https://spdx.org/licenses/CC0-1.0",
 "usageInfo": {"@id": "https://x.example/d#offer", "@type": "odrl:Offer", "odrl:target": {"@id": "https://x.example/d"},
  "odrl:permission": {"odrl:action": {"@id": "odrl:use"}}}}
END
"$d/venv/bin/python" - "$d/data.json" <<'END'
import sys
import mlcroissant
try:
    mlcroissant.Dataset(jsonld=sys.argv[1])
except RecursionError as e:
    print("RecursionError:", e)
    sys.exit(0)
print("it is read: the finding no longer holds")
sys.exit(1)
END
