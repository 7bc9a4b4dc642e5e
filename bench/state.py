"""How much the stores of a worker that has stopped hold: rows and bytes, by stage and kind of row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import lmdb


def sizes(folder: Path) -> dict[str, dict[str, float]]:
    """Of each `<stage>/<kind of row>`: rows, mean bytes of key and value, and of each stage the bytes of its files."""
    found: dict[str, dict[str, float]] = {}
    # Faust keeps an empty folder of its own beside the stages'.
    for stage in sorted({data.parents[1] for data in folder.glob("*/*/data.mdb")}):
        rows: Counter[str] = Counter()
        content: Counter[str] = Counter()
        files = 0
        for partition in sorted(stage.iterdir()):
            files += (partition / "data.mdb").stat().st_blocks * 512
            with lmdb.open(str(partition), max_dbs=2, readonly=True, lock=False) as environment:
                database = environment.open_db(b"rows", create=False)
                with environment.begin(db=database) as reading:
                    for key, value in reading.cursor():
                        kind = key.partition(b"/")[0].decode()
                        rows[kind] += 1
                        content[kind] += len(key) + len(value)
        for kind, count in rows.items():
            found[f"{stage.name}/{kind}"] = {"rows": count, "bytes_per_row": round(content[kind] / count, 1)}
        if rows:
            found[stage.name] = {
                "rows": rows.total(),
                "file_bytes": files,
                "file_bytes_per_row": round(files / rows.total(), 1),
            }
    return found
