"""query_api: GET /log, read from ClickHouse in pages that are exact and bounded."""
