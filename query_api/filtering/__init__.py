"""Which actions a request asks for: its filters, as SQL and as a test of one record."""
