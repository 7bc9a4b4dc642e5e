"""How good the matching of tokens is, by labelled truth: `python -m bench.linkage` (needs the extra `linkage`)."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from safety_stream.catalogue import load_catalogue
from safety_stream.catalogue.matching import load_matching
from safety_stream.core.matching import band_of, proposed
from safety_stream.data_files import catalogue_folder
from safety_stream.linkage.scoring import scored
from safety_stream.testing.labelled import labelled, measured


def main() -> None:
    """Print a line for each seed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--persons", type=int, default=3_000)
    asked.add_argument("--seeds", type=int, default=8)
    words = asked.parse_args()
    terms, bounds = load_matching(catalogue_folder()), load_catalogue(catalogue_folder()).persons
    print("seed  records  tokens  true pairs  looked at  auto  possible  precision  recall  with steward  seconds")
    for seed in range(1, words.seeds + 1):
        truth = labelled(words.persons, seed)
        began = time.perf_counter()
        pairs = scored(truth.store, terms)
        took = time.perf_counter() - began
        links = proposed(pairs, [], terms, bounds, by="matching-job", at=0).links
        bands, good = Counter(band_of(pair, terms) for pair in pairs), measured(truth, links, bounds)
        print(
            f"{seed:4}  {truth.store.records:7,}  {len(truth.store.beside):6,}  {good.true_pairs:10,}  {len(pairs):9,}"
            f"  {bands['auto']:4,}  {bands['possible']:8,}  {good.precision:9.4f}  {good.recall:6.3f}"
            f"  {good.with_possible:12.3f}  {took:7.1f}"
        )


if __name__ == "__main__":
    main()
