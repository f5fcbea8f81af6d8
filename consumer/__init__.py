"""The sink: takes the topic's records into ClickHouse, each exactly once (docs/DESIGN.md, "Exactly once")."""
