"""What an audit found: the books of each partition, as a table for people and as JSON for programs."""

from collections.abc import Sequence

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One record or row: its offset and its id, and for doubled ones how many rows there are."""

    offset: int
    id: str
    rows: int = 1


class Repeated(msgspec.Struct, frozen=True):
    """An id that clients sent several times, at these offsets. FINAL shows one row of it; so do merges, in time."""

    id: str
    offsets: list[int]


class PartitionBooks(msgspec.Struct):
    """The records ``[start, end)`` of one partition against the rows of the tables. Counts are exact, lists are cut.

    shard                on which its rows are stored from now on
    on_other_shards      rows and dead letters that stand on another one: stored before a shard was added
    committed            the group's committed offset before anything else was read; None without one
    records              on the topic
    distinct_ids         of the records that are actions
    stored_once          records with exactly one row at their position
    stored_elsewhere     records whose row was merged into another one of the same id: a client sent it twice
    stored_twice         records with several rows at their position, and foreign rows whose id has another row
    dead_lettered        records kept in dead_letters
    erased               records below ``committed`` whose user asked for it: stored and hidden, or removed by now
    in_flight            records from ``committed`` on that are not stored yet
    missing              records below ``committed`` that are nowhere
    repeated_ids         ids that stand at several offsets
    ids_on_several_shards  those of them whose rows stand on several shards: FINAL shows one of each shard
    foreign_rows         rows at positions of ``[start, end)`` whose record is not on the topic
    rows_beyond_the_log  rows at offsets that the log has not reached
    rows_before_the_log  rows whose records retention has deleted: as it should be
    lost_to_retention    offsets from ``committed`` to the log's start: deleted before they were stored
    deleted_meanwhile    offsets that retention deleted while the audit ran
    """

    partition: int
    start: int
    end: int
    committed: int | None
    shard: int = 0
    on_other_shards: int = 0
    records: int = 0
    distinct_ids: int = 0
    stored_once: int = 0
    stored_elsewhere: int = 0
    stored_twice: int = 0
    dead_lettered: int = 0
    erased: int = 0
    in_flight: int = 0
    missing: int = 0
    repeated_ids: int = 0
    ids_on_several_shards: int = 0
    foreign_rows: int = 0
    rows_beyond_the_log: int = 0
    rows_before_the_log: int = 0
    lost_to_retention: int = 0
    deleted_meanwhile: int = 0
    listed_missing: list[Entry] = msgspec.field(default_factory=list)
    listed_twice: list[Entry] = msgspec.field(default_factory=list)
    listed_foreign: list[Entry] = msgspec.field(default_factory=list)
    listed_repeated: list[Repeated] = msgspec.field(default_factory=list)

    @property
    def balanced(self) -> bool:
        return self.missing == 0 and self.stored_twice == 0


class Report(msgspec.Struct):
    """The whole audit. ``rows_of_other_partitions``: rows that name a partition which the topic does not have."""

    topic: str
    group: str
    shards: int
    partitions: list[PartitionBooks]
    rows_of_other_partitions: int
    seconds: float

    @property
    def balanced(self) -> bool:
        return all(books.balanced for books in self.partitions)

    def as_json(self) -> str:
        answer = {"balanced": self.balanced, "verdict": self.verdict(), **msgspec.to_builtins(self)}
        return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()

    def as_text(self) -> str:
        return "\n".join([*self._table(), "", *self._details(), self.verdict()])

    def verdict(self) -> str:
        """One sentence."""
        records, missing, twice = self._sum("records"), self._sum("missing"), self._sum("stored_twice")
        if records == 0:
            return "The books balance: the topic has no records in this range."
        if self.balanced:
            of_them = {"in flight": self._sum("in_flight"), "erased": self._sum("erased")}
            special = "".join(f", {count:,} of them {what}" for what, count in of_them.items() if count)
            return f"The books balance: {records:,} records{special}, none missing, none stored twice."
        return f"THE BOOKS DO NOT BALANCE: {records:,} records, {missing:,} missing, {twice:,} stored twice."

    def _sum(self, field: str) -> int:
        return sum(int(getattr(books, field)) for books in self.partitions)

    def _table(self) -> list[str]:
        lines = [["partition", *_COLUMNS.values()]]
        lines += [[str(books.partition), *(_cell(books, field) for field in _COLUMNS)] for books in self.partitions]
        if len(self.partitions) > 1:
            lines.append(["total", *(f"{self._sum(field):,}" for field in _COLUMNS)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]

    def _details(self) -> list[str]:
        lines: list[str] = []
        for books in self.partitions:
            lines += _listed(books, "missing", books.missing, [f"{e.offset} {e.id}" for e in books.listed_missing])
            lines += _listed(
                books,
                "stored twice",
                books.stored_twice,
                [f"{e.offset} {e.id} ({e.rows} rows)" for e in books.listed_twice],
            )
            lines += _listed(
                books, "foreign rows", books.foreign_rows, [f"{e.offset} {e.id}" for e in books.listed_foreign]
            )
            lines += _listed(
                books,
                "repeated by clients",
                books.repeated_ids,
                [f"{r.id} at {r.offsets}" for r in books.listed_repeated],
            )
            lines += _notes(books)
        if self.rows_of_other_partitions:
            lines.append(f"{self.rows_of_other_partitions:,} rows name a partition which the topic does not have.")
        if self._sum("foreign_rows") or self._sum("rows_beyond_the_log") or self.rows_of_other_partitions:
            lines.append(_FOREIGN)
        return [*lines, ""] if lines else []


_COLUMNS = {
    "records": "records",
    "distinct_ids": "ids",
    "stored_once": "once",
    "stored_elsewhere": "merged",
    "stored_twice": "twice",
    "dead_lettered": "dead",
    "erased": "erased",
    "in_flight": "in flight",
    "missing": "missing",
    "repeated_ids": "repeated",
    "foreign_rows": "foreign",
    "lost_to_retention": "lost",
}
_FOREIGN = (
    "Rows without a record are another log's: when a topic is deleted and made again, its offsets start at 0 once more,"
    " and the rows of the former records stay. They are no error, but a rebuild would not bring them back."
)


def _cell(books: PartitionBooks, field: str) -> str:
    return f"{getattr(books, field):,}"


def _listed(books: PartitionBooks, what: str, count: int, shown: Sequence[str]) -> list[str]:
    if not count:
        return []
    more = [f"  ... and {count - len(shown):,} more"] if count > len(shown) else []
    return [f"partition {books.partition}, {what}: {count:,}", *(f"  {line}" for line in shown), *more]


def _notes(books: PartitionBooks) -> list[str]:
    notes = []
    if books.committed is None:
        notes.append("the group has committed nothing: what is not stored counts as in flight")
    if books.lost_to_retention:
        notes.append(f"retention deleted {books.lost_to_retention:,} records before they were stored")
    if books.deleted_meanwhile:
        notes.append(f"retention deleted {books.deleted_meanwhile:,} offsets while the audit ran: not audited")
    if books.on_other_shards:
        notes.append(f"{books.on_other_shards:,} rows stand on other shards than {books.shard}, where it goes now")
    if books.ids_on_several_shards:
        notes.append(
            f"{books.ids_on_several_shards:,} ids stand on several shards: sent again after a shard was added, they are"
            " read once from each"
        )
    if books.rows_beyond_the_log:
        notes.append(f"{books.rows_beyond_the_log:,} rows stand at offsets that the log has not reached")
    return [f"partition {books.partition}: {note}" for note in notes]
