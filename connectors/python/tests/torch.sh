#!/usr/bin/env bash
# Makes a virtual environment with torch and torchdata for tests on machines without a GPU:
# torch.sh DIR. The registry's wheel for x86-64 Linux is linked against NVIDIA's libraries, which
# are several gigabytes; libraries that have their names and functions, and do nothing, are enough
# to load it. Needs python3 with venv, and where the wheel asks for such libraries gcc and binutils.
set -euo pipefail
dir=$1
rm -rf "$dir"
python3 -m venv "$dir"
pip() { "$dir/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
pip typing-extensions filelock sympy networkx jinja2 fsspec numpy
pip --no-deps --no-compile torch==2.15.0 torchdata==0.11.0 # with what they ask for, pip would fetch NVIDIA's

lib=$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/torch/lib
wanted=$(for so in "$lib"/*.so; do readelf -d "$so"; done | sed -nE 's/.*NEEDED.*\[(lib(cu|nv|nccl)[^]]*)\].*/\1/p' | sort -u)
if [ -n "$wanted" ]; then
   # What torch calls and does not have itself, each of which says "no device" (100).
   functions='s/^ *[UwV] ((cu|nccl|nvrtc|nvshmem|__cuda)[A-Za-z0-9_]*)(@.*)?$/\1/p'
   nm -D --undefined-only "$lib"/libtorch*.so "$lib"/libc10*.so "$lib"/libcaffe2*.so 2>/dev/null | sed -nE "$functions" | sort -u |
      grep -vxFf <(nm -D --defined-only "$lib"/libtorch*.so "$lib"/libc10*.so | awk '{sub(/@.*/, "", $3); print $3}') |
      grep -vx cudaGetDeviceCount | sed 's/.*/int &(void) { return 100; }/' > "$dir/stub.c"
   echo 'int cudaGetDeviceCount(int *n) { *n = 0; return 100; }' >> "$dir/stub.c"
   gcc -w -c -fPIC "$dir/stub.c" -o "$dir/stub.o"
   for so in $wanted; do
      case $so in libnvshmem*) node=NVSHMEM ;; *) node=$so ;; esac
      echo "$node { global: *; };" > "$dir/stub.map"
      gcc -w -shared "$dir/stub.o" "-Wl,-soname,$so" "-Wl,--version-script=$dir/stub.map" -o "$lib/$so"
   done
   rm "$dir"/stub.*
fi
"$dir/bin/python" -c 'import torch, torchdata.stateful_dataloader; assert torch.ones(2).sum() == 2'
