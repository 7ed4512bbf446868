"""Governed training data as Arrow record batches, from a Guichet gateway.

In: a site's address and a token, the id of an agreement. Out: pyarrow record batches, each
row once, in an order that seed and epoch fix. Always: a stream that was cut goes on at the
exact row or raises, and is never shorter than it says; leases are renewed without help; what
the gateway refuses is raised in its own words.

    site = guichet.connect("https://guichet.example", token=pathlib.Path("token").read_text)
    for hit in site.search("winter wheat", project="crop-yield"): ...
    for batch in site.dataset("agr-…", seed=7, epoch=0): ...

guichet.torch, which needs torch and is imported by itself, yields batches of tensors;
guichet.fsspec, which needs fsspec, opens the same data as files at guichet:// addresses;
guichet.ray, which needs Ray Data, reads and writes them there.
"""

from ._dataset import Dataset
from ._errors import Broken, GuichetError, Refused
from ._order import order
from ._site import Hit, Site, connect

__all__ = ["Broken", "Dataset", "GuichetError", "Hit", "Refused", "Site", "connect", "order"]
