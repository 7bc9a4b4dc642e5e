"""The transactional loop, its store and the Faust app around it: the only consumer, and the only Faust, in the house.

Read `loop` first: its *Theory of operation* says why nothing is lost or doubled. The loop is written against the
narrow `ports`; `kafka` puts real Kafka behind them, `safety_stream.testing.log` an in-memory log that can crash.
"""
