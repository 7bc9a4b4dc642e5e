"""The pure heart: no Kafka, no files, no clock, no randomness. Everything here is a function of its arguments."""
