"""The results for people: on the terminal, and as Markdown for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator

from children import Told
from rich.console import Console
from rich.table import Table

_COMPARED = ("loop", "stage", "quix", "faust")
"""Rows over the same records, whose rates may be divided by one another."""

_MANY_ROWS = 1_000

_HEADINGS = (
    "row",
    "what",
    "guarantee",
    "median",
    "lowest to highest",
    "CPU µs a record",
    "of this runtime",
    "at least",
    "aim",
)


def print_table(console: Console, results: Told) -> None:
    """All rows, then what stands beside the table."""
    table = Table(*_HEADINGS, title="One run, one broker, one core")
    for heading in range(3, len(_HEADINGS)):
        table.columns[heading].justify = "right"
    for line in lines(results):
        table.add_row(*line)
    console.print(table)
    for sentence in beside(results):
        console.print(f"- {sentence}")


def markdown(results: Told) -> str:
    """The same as Markdown."""
    rows = [_HEADINGS, ("---",) * 3 + ("---:",) * (len(_HEADINGS) - 3), *lines(results)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return table + "\n\n" + "\n".join(f"- {sentence}" for sentence in beside(results)) + "\n"


def lines(results: Told) -> Iterator[tuple[str, ...]]:
    """One line of cells for each row that was measured."""
    rows = results["rows"]
    ours = rows.get("stage", {}).get("median")
    for name, row in rows.items():
        cpu = row["cpu_us_per_record"]
        comparable = name in _COMPARED and ours
        yield (
            name,
            row["title"],
            row["guarantee"],
            _figure(row["median"]),
            f"{_figure(row['lowest'])} to {_figure(row['highest'])}",
            f"{cpu:.1f}" if cpu else "",
            f"{row['median'] / ours:.2f}" if comparable else "",
            _target(row, row["at_least"]),
            _target(row, row["aim"]),
        )


def beside(results: Told) -> Iterator[str]:
    """Sentences on what does not fit into the table."""
    rows = results["rows"]
    machine = results["machine"]
    yield (
        f"{machine['processor']}, {machine['cores']} cores; {machine['system']}; Python {machine['python']}; "
        f"Kafka {machine['kafka']}; {results['pinning']}."
    )
    yield (
        f"Load average at the start {machine['load_average']}. A plain loop took "
        f"{' / '.join(f'{one:.3f}' for one in results['yardstick'])} CPU s (before, after each round): "
        "the more these differ, the less the figures mean."
    )
    if results["record_bytes"]:
        yield (
            f"{results['records']:,} records of {results['record_bytes']:.0f} bytes over {results['keys']:,} keys, "
            f"4 partitions, lz4 (Faust: a fifth of them)."
        )
    yield f"Median of {results['runs']} runs; pipeline and replay: {results['reports']:,} synthetic reports."
    stage = rows.get("stage", {}).get("median")
    for peer, factor in (("quix", 2), ("faust", 10)):
        if stage and peer in rows:
            yield f"this runtime / {peer}: {stage / rows[peer]['median']:.1f} (at least {factor})"
    yield from _live(rows)
    yield from _stages(rows)
    yield from _many_keys(rows)
    yield from _state(rows)
    yield from _tokens(rows)


def _live(rows: Told) -> Iterator[str]:
    for name, row in rows.items():
        last = row["runs"][-1]
        if name.startswith("latency"):
            yield (
                f"{name}: p50 {last['p50_ms']} ms, p99 {last['p99_ms']} ms, highest {last['highest_ms']} ms over "
                f"{last['alerts']:,} alerts; the sender was at most {last['slip_ms']} ms behind its plan"
            )
        if name == "burst":
            yield (
                f"burst: p50 {last['p50_ms']} ms, p99 {last['value']} ms, highest {last['highest_ms']} ms over "
                f"{last['pages']:,} pages, each once; at the usual load p50 {last['usual_p50_ms']} ms, highest "
                f"{last['usual_highest_ms']} ms: {last['times_usual']} times at p50"
            )
        if name == "takeover":
            yield (
                f"takeover: {last['partitions']} partitions after {last['value']:.1f} s; the longest any report waited "
                f"for its alert: {last['longest_wait_s']:.1f} s; {last['alerts']:,} alerts, none lost or doubled"
            )


def _stages(rows: Told) -> Iterator[str]:
    for name, row in rows.items():
        last = row["runs"][-1]
        if name == "stage":
            share = last["commit_seconds"] / last["seconds"]
            yield f"stage: {last['batches']} batches, {share:.0%} of the time in commits; CPU s: {_threads(last)}"
        if name == "detect":
            yield f"detect: {last['standing']:,} findings stand, as in a replay; CPU s: {_threads(last)}"
        if name == "dense":
            for kind, costs in last["micros"].items():
                yield (
                    f"dense, a {kind}, CPU µs of one sighting more: "
                    + ", ".join(f"{int(size):,} held {alone} ({among})" for size, (alone, among, _) in costs.items())
                    + "; in brackets among twenty of one batch"
                )
        if name == "pipeline":
            yield (
                f"pipeline: {last['incidents']:,} incidents over {last['days']} days, {last['dead_letters']} dead "
                f"letters, {last['published_alerts']:,} alerts published; CPU s: {_threads(last)}"
            )
        if name in ("pipeline", "detect"):
            for stage, did in last["stages"].items():
                yield (
                    f"{name}, {stage}: {did['records']:,} records in {did['batches']} batches, "
                    f"{did['batch_seconds']:.1f} s of which {did['commit_seconds']:.1f} s in commits"
                )


def _tokens(rows: Told) -> Iterator[str]:
    for name in ("tokens", "tokens-linking", "tokens-file"):
        if name in rows:
            last = rows[name]["runs"][-1]
            yield (
                f"{name}: {last['tokens'] / last['records']:.1f} tokens a person, {last['times_plain']:.1f} times the "
                "CPU time of a plain HMAC loop over as many"
            )


def _many_keys(rows: Told) -> Iterator[str]:
    for name in ("store", "memory", "change"):
        if name in rows:
            last = rows[name]["runs"][-1]
            memory = last["memory_bytes"]
            yield (
                f"many keys: {last['keys']:,} of {last['records_taken']:,} sightings, {_mb(last['store_bytes'])} of "
                f"store, {_mb(memory['RssAnon'])} of memory of its own and {_mb(memory['RssFile'])} of pages of files"
            )
            yield (
                f"change: {last['timelines']:,} timelines in {last['going_over_seconds']:.1f} s, the longest slice "
                f"took {last['longest_slice_ms']} ms; a live sighting waited {_waits(last['waits_ms'])}, and without "
                f"a change {_waits(last['calm_ms'])}"
            )
            return


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _waits(waits: Told) -> str:
    return f"{waits['p50']} ms at p50 and {waits['p99']} ms at p99"


def _threads(told: Told) -> str:
    return ", ".join(f"{name} {seconds}" for name, seconds in list(told["cpu_by_thread"].items())[:8])


def _state(rows: Told) -> Iterator[str]:
    for name in ("stage", "pipeline", "detect"):
        state = rows.get(name, {}).get("runs", [{}])[-1].get("state", {})
        kinds = [
            f"{kind} {size['rows']:,} x {size['bytes_per_row']:.0f}" for kind, size in state.items() if "/" in kind
        ]
        files = [
            f"{stage} {size['file_bytes_per_row']:.0f}"
            for stage, size in state.items()
            if "/" not in stage and size["rows"] >= _MANY_ROWS
        ]
        if kinds:
            yield f"state of {name}, rows x bytes of key and value: {', '.join(kinds)}"
            yield f"state of {name}, bytes of file a row where there are {_MANY_ROWS:,} or more: {', '.join(files)}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _target(row: Told, target: float | None) -> str:
    if target is None:
        return ""
    reached = row["median"] >= target if row["is_rate"] else row["median"] <= target
    return f"{_figure(target)} {'✓' if reached else '✗'}"
