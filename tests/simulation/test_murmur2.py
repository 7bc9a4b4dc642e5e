"""The simulated log puts keys where Java's producers do."""

from __future__ import annotations

import pytest

from safety_stream.testing.log import murmur2_partition


# From Kafka's own UtilsTest.testMurmur2: hashes as signed 32-bit numbers.
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_murmur2_is_kafkas(key: bytes, signed: int):
    assert murmur2_partition(key, 2**31) == signed & 0x7FFFFFFF
