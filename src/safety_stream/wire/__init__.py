"""Bytes and model values: schemas, registry, codecs and the topology. The only place that knows Avro."""
