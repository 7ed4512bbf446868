"""What a training job does: streams parts of agreements with pyarrow, and keeps what came, a line of JSON a release.

    python client.py REPRODUCE GATEWAY TOKENFILE < asks.jsonl

A line of asks: {"agreement": …, "run": …, "query": {…}, "most": rows after which it goes away; 0 reads all}.
"""
import importlib.util, io, json, sys, urllib.error

import pyarrow as pa

spec = importlib.util.spec_from_file_location("reproduce", sys.argv[1])
reproduce = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reproduce)
gateway = reproduce.Gateway(sys.argv[2], open(sys.argv[3]).read().strip())
for line in sys.stdin:
    ask = json.loads(line)
    try:
        release, answer = gateway.stream(ask["agreement"], ask.get("run"), ask["query"])
    except urllib.error.HTTPError as e:
        sys.exit(f"{ask}: {reproduce.refusal(e)}")
    rows, counted = reproduce.Rows(), reproduce.Counted(answer)
    with answer, pa.ipc.open_stream(io.BufferedReader(counted)) as reader:
        for batch in reader:
            rows.add(batch)
            if ask.get("most") and rows.count >= ask["most"]:
                break
    print(json.dumps({"release": release, "agreement": ask["agreement"], "rows": rows.count, "bytes": counted.bytes, "digests": rows.digests,
                      "whole": not ask.get("most")}), flush=True)
