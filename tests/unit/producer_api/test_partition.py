"""A user's partition is the one that every other Kafka producer would choose."""

import pytest

from producer_api.kafka_producer import key_hash


# org.apache.kafka.common.utils.Utils.murmur2, from the Java client's own test (UtilsTest.testMurmur2).
@pytest.mark.parametrize(
    ("key", "java_hash"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_equals_the_java_client_s(key: bytes, java_hash: int) -> None:
    assert key_hash(key) == java_hash & 0x7FFFFFFF
