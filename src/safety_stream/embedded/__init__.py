"""A real Kafka from packages, for the demo, the tests and a newcomer's laptop: no Docker, no installed Java.

`EmbeddedKafka` is all a caller needs. Production points at any Kafka by its bootstrap servers instead.
"""

from safety_stream.embedded.errors import EmbeddedKafkaError
from safety_stream.embedded.kafka import EmbeddedKafka

__all__ = ["EmbeddedKafka", "EmbeddedKafkaError"]
