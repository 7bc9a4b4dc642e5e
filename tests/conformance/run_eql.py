"""What EQL's own engine finds: started alone, with the folder `eql` lies in, cases on standard input as JSON.

A case is a query and events (milliseconds, type, fields). The answer has a list of sequences for each, and a sequence
is the numbers of its events.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

import eql

MILLISECONDS = {"time_unit": 1000}


def found(query: str, events: list[tuple[int, str, dict]]) -> list[list[int]]:
    engine, results = eql.PythonEngine(MILLISECONDS), []
    engine.add_output_hook(results.append)
    engine.add_query(eql.parse_query(query))
    for number, (at, kind, fields) in enumerate(events):
        engine.stream_event(eql.Event(kind, at, fields | {"number": number}))
    engine.finalize()
    return [[event.data["number"] for event in result.events] for result in results]


json.dump([found(case["query"], case["events"]) for case in json.load(sys.stdin)], sys.stdout)
