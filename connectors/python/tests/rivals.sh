#!/usr/bin/env bash
# Installs MosaicML Streaming and LitData for the bench kit.torch into a folder beside the torch of
# an environment of torch.sh: rivals.sh ENVIRONMENT FOLDER. Without the dependencies that they
# declare, among them torch with NVIDIA's libraries and three clouds' clients: only what they import.
set -euo pipefail
rm -rf "$2"
"$1/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-compile --target "$2" \
   mosaicml-streaming==0.13.0 litdata==0.2.76 \
   boto3 botocore s3transfer jmespath python-dateutil six urllib3 requests certifi idna charset-normalizer \
   Brotli 'python-snappy<1' cramjam 'zstd<2' xxhash tqdm catalogue lightning-utilities tifffile obstore pillow \
   torchvision transformers safetensors tokenizers huggingface_hub packaging pyyaml regex hf-xet
"$1/bin/python" -m pip install -q --disable-pip-version-check --no-compile --target "$2" --upgrade httpx2 typer
PYTHONPATH=$2 "$1/bin/python" -c 'import streaming, litdata'
touch "$2/made"
