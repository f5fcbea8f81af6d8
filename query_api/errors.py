"""What can go wrong between a request and ClickHouse.

StoreError                a sentence for the reader of the answer; every one below is raised by ``store`` but the last
├── StoreUnavailable      away, unreachable, or it refuses our user: try again later
├── StoreNotSetUp         a table or a column is missing: someone must run deploy.setup
├── QueryTimedOut         the time bound of the request is reached: ask for less
├── QueryOutOfMemory      the memory bound is reached: ask for less, or later
├── QueryReadsTooMuch     the bound on rows is reached: ask for less
├── StoreRefused          anything else ClickHouse refuses: a defect of ours
└── Overloaded            more requests than may query at one time

LogUnavailable            Kafka is away, or the topic is missing: reads go on, what needs the log does not
"""


class StoreError(Exception):
    """The root: its text may be shown to whoever asked."""


class StoreUnavailable(StoreError):  # noqa: N818 - named for what it says
    """ClickHouse is away, or refuses the service's user."""


class StoreNotSetUp(StoreError):  # noqa: N818
    """The tables are not what this version needs."""


class QueryTimedOut(StoreError):  # noqa: N818
    """The queries of one request took longer than they may."""


class QueryOutOfMemory(StoreError):  # noqa: N818
    """A query needed more memory than it may use, or than the server has."""


class QueryReadsTooMuch(StoreError):  # noqa: N818
    """A query would read more rows than it may."""


class StoreRefused(StoreError):  # noqa: N818
    """ClickHouse refused the query for a reason that is none of the above."""


class Overloaded(StoreError):  # noqa: N818
    """No turn came free within the bounded wait."""


class LogUnavailable(Exception):  # noqa: N818
    """Kafka is away, refuses the service, or has no such topic; the text may be shown to whoever asked."""
