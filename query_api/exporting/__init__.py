"""GET /log as one stream: NDJSON, CSV, Parquet, Arrow."""
