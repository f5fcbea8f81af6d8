"""GET /log, page by page."""
