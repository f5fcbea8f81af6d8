"""What Kafka no longer had when the sink came to read it: counted, logged as an error, shown in the status."""

from collections import Counter

import structlog

from consumer import metrics

_log = structlog.get_logger(__name__)


class Losses:
    """Of this process, by partition.

    records   offsets that retention deleted before they were stored
    log_cuts  times that the log ended before what was read of it; how many records went with it is unknown
    """

    def __init__(self) -> None:
        self.records: Counter[int] = Counter()
        self.log_cuts: Counter[int] = Counter()

    def deleted_unread(self, partition: int, lost: int) -> None:
        self.records[partition] += lost
        metrics.RECORDS_LOST.labels(partition).inc(lost)
        _log.error("records were deleted by retention before they were stored", partition=partition, lost=lost)

    def log_was_cut(self, partition: int, reached: int, log_end: int) -> None:
        self.log_cuts[partition] += 1
        metrics.LOG_CUTS.labels(partition).inc()
        _log.error(
            "the log ends before what was read of it: was the topic deleted and made again? Reading from its start",
            partition=partition,
            reached=reached,
            log_end=log_end,
        )
