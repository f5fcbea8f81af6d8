"""What an audit says: its verdict, its table, its lists."""

import json

import pytest

from consumer.audit_report import Entry, PartitionBooks, Repeated, Report


def report(*partitions: PartitionBooks) -> Report:
    return Report("actions", "sink", 1, list(partitions), 0, 1.5)


@pytest.mark.parametrize(
    ("books", "verdict"),
    [
        (PartitionBooks(0, 0, 0, None), "The books balance: the topic has no records in this range."),
        (
            PartitionBooks(0, 0, 5_000, 5_000, records=5_000),
            "The books balance: 5,000 records, none missing, none stored twice.",
        ),
        (
            PartitionBooks(0, 0, 5, 3, records=5, in_flight=2),
            "The books balance: 5 records, 2 of them in flight, none missing, none stored twice.",
        ),
        (
            PartitionBooks(0, 0, 5, 5, records=5, missing=1),
            "THE BOOKS DO NOT BALANCE: 5 records, 1 missing, 0 stored twice.",
        ),
        (
            PartitionBooks(0, 0, 5, 5, records=5, stored_twice=2),
            "THE BOOKS DO NOT BALANCE: 5 records, 0 missing, 2 stored twice.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(books: PartitionBooks, verdict: str) -> None:
    assert report(books).verdict() == verdict
    assert report(books).balanced is ("NOT" not in verdict)


def test_one_bad_partition_spoils_the_balance() -> None:
    assert not report(PartitionBooks(0, 0, 5, 5, records=5), PartitionBooks(1, 0, 5, 5, missing=1)).balanced


def test_the_table_has_a_line_per_partition_and_a_total() -> None:
    both = report(PartitionBooks(0, 0, 5, 5, records=5), PartitionBooks(1, 0, 7, 7, records=7))
    lines = both.as_text().splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["partition", "records"],
        ["0", "5"],
        ["1", "7"],
        ["total", "12"],
    ]
    assert len({len(line) for line in lines[:4]}) == 1


def test_lists_name_offsets_and_ids_and_say_what_they_leave_out() -> None:
    books = PartitionBooks(3, 0, 9, 9, records=9, missing=5, repeated_ids=1, foreign_rows=1)
    books.listed_missing = [Entry(4, "id-4"), Entry(6, "id-6")]
    books.listed_repeated = [Repeated("id-7", [1, 7])]
    books.listed_foreign = [Entry(8, "id-8")]
    text = report(books).as_text()
    assert "partition 3, missing: 5\n  4 id-4\n  6 id-6\n  ... and 3 more" in text
    assert "id-7 at [1, 7]" in text
    assert "deleted and made again" in text


def test_rows_on_another_shard_are_no_error_and_are_said() -> None:
    books = PartitionBooks(3, 0, 9, 9, records=9, shard=1, on_other_shards=1_200, ids_on_several_shards=2)
    assert report(books).balanced
    text = report(books).as_text()
    assert "partition 3: 1,200 rows stand on other shards than 1, where it goes now" in text
    assert "2 ids stand on several shards: sent again after a shard was added" in text


def test_the_json_has_everything() -> None:
    answer = json.loads(report(PartitionBooks(3, 0, 9, 9, records=9)).as_json())
    assert (answer["balanced"], answer["partitions"][0]["records"]) == (True, 9)
    assert set(PartitionBooks.__struct_fields__) == set(answer["partitions"][0])
