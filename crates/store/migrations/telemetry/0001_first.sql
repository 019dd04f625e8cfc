-- Who sends: encoded resources and scopes, each stored once.
CREATE TABLE origin (
    key INTEGER PRIMARY KEY,
    -- Milliseconds since 1970 of the latest use, up to a minute behind it.
    used_at INTEGER NOT NULL,
    encoded BLOB NOT NULL UNIQUE
) STRICT;

CREATE INDEX origin_by_use ON origin (used_at);

-- Log records and spans in order of arrival.
CREATE TABLE record (
    key INTEGER PRIMARY KEY,
    -- 0 to 5: a log of this severity group; 6: a span.
    kind INTEGER NOT NULL,
    -- Nanoseconds since 1970: when it was logged, or when the span began.
    time INTEGER NOT NULL,
    -- Milliseconds since 1970; never lower than that of the record before.
    received_at INTEGER NOT NULL,
    job BLOB,
    task BLOB,
    trace BLOB,
    resource INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    encoded BLOB NOT NULL
) STRICT;

-- Each index ends with the key, so it yields (time, key) in order for one kind.
CREATE INDEX record_by_time ON record (kind, time);
CREATE INDEX record_by_job ON record (job, kind, time) WHERE job IS NOT NULL;
CREATE INDEX record_by_task ON record (task, kind, time) WHERE task IS NOT NULL;
CREATE INDEX record_by_trace ON record (trace, kind, time) WHERE job IS NULL AND trace IS NOT NULL;
