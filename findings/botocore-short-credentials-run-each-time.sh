#!/usr/bin/env bash
# botocore 1.43.117: credentials of a credential_process that last 15 minutes or less are asked
# for anew whenever they are used, though nobody needs others for another quarter of an hour: the
# process runs once for the first use and once more for each use. From 16 minutes on it runs
# once. The Expiration is right in both cases; it is a fixed margin of 15 minutes before the
# end within which they count as due, however long they last. Whoever hands out keys
# of 15 minutes, as token services commonly do, has a process started for every request.
#
# Good sense: a margin that is a part of the life, or that one renewal satisfies.
# Seen: 14 minutes 11 runs for 10 uses, 15 minutes 11, 16 minutes 1.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check botocore==1.43.117
cat > "$dir/give.py" <<'PY'
import datetime, json, sys
minutes, log = int(sys.argv[1]), sys.argv[2]
open(log, "a").write("x")
until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
print(json.dumps({"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "secret", "Expiration": until.isoformat()}))
PY
seen=$(for minutes in 14 15 16; do
  printf '[profile site]\ncredential_process = %s %s %s %s\n' "$dir/venv/bin/python" "$dir/give.py" $minutes "$dir/log$minutes" > "$dir/config"
  AWS_CONFIG_FILE="$dir/config" AWS_PROFILE=site AWS_EC2_METADATA_DISABLED=true "$dir/venv/bin/python" - "$dir/log$minutes" $minutes <<'PY'
import sys
import botocore.session
credentials = botocore.session.get_session().get_credentials()
for _ in range(10):
    credentials.get_frozen_credentials()
print(sys.argv[2], "minutes", len(open(sys.argv[1]).read()), "runs")
PY
done)
echo "$seen"
[ "$seen" = "14 minutes 11 runs
15 minutes 11 runs
16 minutes 1 runs" ]
