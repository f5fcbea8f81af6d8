"""What Kafka tells: how far the sink is, where an action is, and the live tail."""
