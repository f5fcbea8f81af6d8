"""ClickHouse's HTTP interface, as reading needs it: requests, and the client that sends them."""
