"""What can go wrong with the embedded Kafka, in one class: the caller can only tell a person and stop."""


class EmbeddedKafkaError(Exception):
    """Kafka could not be fetched, started or kept running; the message says why and what to do about it."""
