"""The local stack: a real Kafka and a real ClickHouse from packages, and the three services, as ordinary processes."""
