"""Validates Croissants with the reference implementation: reads paths, one a line, writes each
error and warning as PATH TAB KIND TAB TEXT."""
import logging
import sys

import mlcroissant

logging.disable(logging.CRITICAL)
for path in sys.stdin.read().split():
    try:
        issues = mlcroissant.Dataset(jsonld=path).metadata.ctx.issues
    except Exception as e:  # an error is raised, with all of them in its text
        print(path, "error", f"{type(e).__name__}: {e}".replace("\n", " "), sep="\t")
        continue
    for kind, found in (("error", issues.errors), ("warning", issues.warnings)):
        for text in found:
            print(path, kind, str(text).replace("\n", " "), sep="\t")
