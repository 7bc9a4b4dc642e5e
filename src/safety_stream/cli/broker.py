"""`broker`: a real Kafka in the foreground, for a laptop or a trial."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from safety_stream.cli.terminal import DataFolder, Json, default_data_folder, epilog, out, print_json, say
from safety_stream.embedded import EmbeddedKafka

EPILOG = epilog(
    "safety-stream broker --port 9092",
    {0: "stopped by Ctrl-C or SIGTERM", 1: "it did not start"},
)


def broker(
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port on 127.0.0.1.")] = 9092,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    as_json: Json = False,
) -> None:
    """Run an Apache Kafka of our own until it is interrupted; what it holds is kept in the data folder.

    Needs neither Docker nor Java. The first start fetches it (45 MB).
    """
    # SIGTERM stops it as Ctrl-C does: through the block, which ends Kafka in good order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with EmbeddedKafka(data / "kafka", port=port, progress=say) as kafka:
            if as_json:
                print_json({"bootstrap": kafka.bootstrap_servers, "folder": str(kafka.folder)})
            else:
                out.print(f"Kafka is at {kafka.bootstrap_servers}, its data in {kafka.folder}. Ctrl-C stops it.")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        say("Kafka is stopped")
