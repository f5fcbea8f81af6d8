"""The routes of query_api, one resource a module."""
