#!/usr/bin/env bash
# Makes a virtual environment with CKAN and its DCAT extension for tests: setup.sh DIR. What CKAN
# wants is named in its package as an extra; the driver of its database is taken as a wheel, so that
# no compiler is needed. Nothing of it is started: only the extension's parser is used.
set -euo pipefail
dir=$1
rm -rf "$dir"
python3 -m venv "$dir"
pip() { "$dir/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
pip --no-deps ckan==2.12.0 ckanext-dcat==2.4.4 ckantoolkit==0.0.7
"$dir/bin/python" - >"$dir/wanted.txt" <<'PY'
from importlib.metadata import requires
for line in requires("ckan"):
    name, _, when = line.partition(";")
    if 'extra == "requirements"' in when:
        print(name.strip().replace("psycopg2==", "psycopg2-binary=="))
PY
pip -r "$dir/wanted.txt" rdflib==7.6.0 pyld==3.3.0 geomet==1.1.0
"$dir/bin/python" -c 'import ckanext.dcat.processors'
