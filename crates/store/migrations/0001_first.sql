-- Names are those of the engine's rows (crates/engine). Ids are 16 bytes, keys small numbers, times microseconds since
-- 1970. What never changes and what changes often are in different tables, so that a transition rewrites few bytes.

CREATE TABLE cluster (
    slug         TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    deletable    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE class (
    key     INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    name    TEXT NOT NULL,
    version TEXT NOT NULL
) STRICT;

CREATE TABLE job (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    trace_parent TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    automation   BLOB,
    fingerprint  BLOB NOT NULL,
    first_root   INTEGER NOT NULL,
    roots        INTEGER NOT NULL
) STRICT;
CREATE INDEX job_by_fingerprint ON job (fingerprint);
CREATE INDEX job_by_automation ON job (automation) WHERE automation IS NOT NULL;

-- Counters of a job. The state is computed by the engine and kept here to be searched.
CREATE TABLE job_status (
    job              INTEGER PRIMARY KEY,
    state            INTEGER NOT NULL,
    canceled         INTEGER NOT NULL,
    queued           INTEGER NOT NULL,
    running          INTEGER NOT NULL,
    computed         INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    skipped          INTEGER NOT NULL,
    failed_optional  INTEGER NOT NULL,
    first_started_at INTEGER,
    last_stopped_at  INTEGER,
    compute_time     INTEGER NOT NULL,
    times_stale      INTEGER NOT NULL,
    resume_at        INTEGER
) STRICT;

CREATE TABLE job_class (
    job   INTEGER NOT NULL,
    class INTEGER NOT NULL,
    PRIMARY KEY (job, class)
) STRICT, WITHOUT ROWID;

-- A group's key is the key of its first task, its id that of its first task; the others follow.
CREATE TABLE task_group (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    job          INTEGER NOT NULL,
    parent       INTEGER,
    depth        INTEGER NOT NULL,
    boundary     INTEGER,
    count        INTEGER NOT NULL,
    dependencies INTEGER NOT NULL,
    dependents   BLOB NOT NULL,
    slices       BLOB NOT NULL,
    submitted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX task_group_by_job ON task_group (job);

CREATE TABLE group_state (
    key     INTEGER PRIMARY KEY,
    open    INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    skipped INTEGER NOT NULL
) STRICT;

CREATE TABLE task_input (
    key   INTEGER PRIMARY KEY,
    input BLOB NOT NULL
) STRICT;

-- Tasks that have been handed out at least once, as they were when they last stopped. A task without a row is QUEUED,
-- or SKIPPED if its group says so.
CREATE TABLE task (
    key               INTEGER PRIMARY KEY,
    grp               INTEGER NOT NULL,
    state             INTEGER NOT NULL,
    retry_count       INTEGER NOT NULL,
    failures          INTEGER NOT NULL,
    crashes           INTEGER NOT NULL,
    hand_backs        INTEGER NOT NULL,
    hand_outs         INTEGER NOT NULL,
    flags             INTEGER NOT NULL,
    started_at        INTEGER,
    stopped_at        INTEGER,
    first_child       INTEGER,
    children          INTEGER NOT NULL,
    open_groups       INTEGER NOT NULL,
    answered_task     INTEGER,
    answered_hand_out INTEGER NOT NULL
) STRICT;

-- Tasks that are RUNNING; a row here counts before one in task. Small, so that finding lapsed leases needs no index.
CREATE TABLE running (
    key         INTEGER PRIMARY KEY,
    grp         INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    crashes     INTEGER NOT NULL,
    hand_backs  INTEGER NOT NULL,
    hand_outs   INTEGER NOT NULL,
    flags       INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

CREATE TABLE failed (
    job  INTEGER NOT NULL,
    task INTEGER NOT NULL,
    PRIMARY KEY (job, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE display (
    task    INTEGER PRIMARY KEY,
    display TEXT NOT NULL
) STRICT;

CREATE TABLE task_progress (
    task  INTEGER NOT NULL,
    label TEXT NOT NULL,
    total INTEGER NOT NULL,
    done  INTEGER NOT NULL,
    PRIMARY KEY (task, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_progress (
    job   INTEGER NOT NULL,
    label TEXT NOT NULL,
    total INTEGER NOT NULL,
    done  INTEGER NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (job, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE ready (
    job      INTEGER NOT NULL,
    class    INTEGER NOT NULL,
    depth    INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    next     INTEGER NOT NULL,
    end      INTEGER NOT NULL,
    grp      INTEGER NOT NULL,
    PRIMARY KEY (job, class, depth, first, returned)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
    class INTEGER NOT NULL,
    job   INTEGER NOT NULL,
    PRIMARY KEY (class, job)
) STRICT, WITHOUT ROWID;
