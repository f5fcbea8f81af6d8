"""What each of ClickHouse's error codes means for an insert: this one table decides.

Passing      it ends by itself, or with the server's restart: repeat, ever more slowly, for ever
Data         a row's values are refused, and other rows may be fine: look for the rows (consumer/delivery.py)
all others   a table, a column, a right or a setting is not as it must be: the partition waits for an operator

Codes of the second kind were tried on the engine where they are marked so. They can be the table's fault as well: a
column of another type refuses every row with CANNOT_PARSE_... Each row is then kept as a dead letter, and can be
replayed once the table is mended (docs/dead-letters.md).
"""

from typing import Final

PASSING: Final = frozenset(
    {
        # The connection: what arrived was cut, or never did.
        3,  # UNEXPECTED_END_OF_FILE
        23,  # CANNOT_READ_FROM_ISTREAM
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA: how a cut RowBinary is told
        95,  # CANNOT_READ_FROM_SOCKET
        96,  # CANNOT_WRITE_TO_SOCKET
        198,  # DNS_ERROR
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        279,  # ALL_CONNECTION_TRIES_FAILED
        1000,  # POCO_EXCEPTION
        # Time, memory, disk, load.
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        173,  # CANNOT_ALLOCATE_MEMORY
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        241,  # MEMORY_LIMIT_EXCEEDED
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        439,  # CANNOT_SCHEDULE_TASK
        473,  # DEADLOCK_AVOIDED
        499,  # S3_ERROR
        574,  # DISTRIBUTED_TOO_MANY_PENDING_BYTES
        700,  # USER_SESSION_LIMIT_EXCEEDED
        745,  # SERVER_OVERLOADED
        762,  # HTTP_CONNECTION_LIMIT_REACHED
        778,  # MEMORY_RESERVATION_FAILED
        # A server that starts, stops, or holds the table back.
        164,  # READONLY
        236,  # ABORTED
        242,  # TABLE_IS_READ_ONLY
        425,  # SYSTEM_ERROR
        655,  # FAILED_TO_SYNC_BACKUP_OR_RESTORE
        722,  # ASYNC_LOAD_WAIT_FAILED
        733,  # TABLE_IS_BEING_RESTARTED
        734,  # CANNOT_WRITE_AFTER_BUFFER_CANCELED
        1002,  # UNKNOWN_EXCEPTION
        # Keeper and replicas.
        225,  # NO_ZOOKEEPER
        265,  # NO_AVAILABLE_REPLICA
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT
        369,  # ALL_REPLICAS_ARE_STALE
        415,  # ALL_REPLICAS_LOST
        416,  # REPLICA_STATUS_CHANGED
        999,  # KEEPER_EXCEPTION
        # Another attempt at the same query, or its end.
        216,  # QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING
        394,  # QUERY_WAS_CANCELLED
        735,  # QUERY_WAS_CANCELLED_BY_CLIENT
    }
)

DATA: Final = frozenset(
    {
        469,  # VIOLATED_CONSTRAINT (tried: CHECK)
        395,  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO (tried: MATERIALIZED; a view's comes after the rows are stored)
        6,  # CANNOT_PARSE_TEXT (tried: toUInt64 of a text)
        25,  # CANNOT_PARSE_ESCAPE_SEQUENCE
        26,  # CANNOT_PARSE_QUOTED_STRING (tried: also how a cut JSONEachRow is told, hence the second try of one row)
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED (tried: an object for a column that takes none)
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        72,  # CANNOT_PARSE_NUMBER (tried: a negative number for an unsigned column)
        130,  # CANNOT_READ_ARRAY_FROM_TEXT
        441,  # CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
        467,  # CANNOT_PARSE_BOOL
        675,  # CANNOT_PARSE_IPV4
        676,  # CANNOT_PARSE_IPV6
        376,  # CANNOT_PARSE_UUID
        117,  # INCORRECT_DATA
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE (tried: FixedString)
        153,  # ILLEGAL_DIVISION (tried: intDiv by zero)
        190,  # SIZES_OF_ARRAYS_DONT_MATCH
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        407,  # DECIMAL_OVERFLOW
        691,  # UNKNOWN_ELEMENT_OF_ENUM (tried)
    }
)
