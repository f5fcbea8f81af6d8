"""POST /log: validates actions, publishes them to Kafka, answers once they are stored there."""
