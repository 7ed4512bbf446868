#!/usr/bin/env bash
# Makes a virtual environment with Ray Data for tests: ray.sh DIR. Its dashboard and the kit itself
# are not in it.
set -euo pipefail
rm -rf "$1"
python3 -m venv "$1"
"$1/bin/python" -m pip install -q --disable-pip-version-check 'ray[data]==2.60.0' pyarrow==26.0.1 pandas==3.1.1
"$1/bin/python" -c 'import ray.data'
