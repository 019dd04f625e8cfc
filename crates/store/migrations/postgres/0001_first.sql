-- Names are those of the engine's rows (crates/engine). Keys are small numbers, times microseconds since 1970. Text that
-- users wrote is kept as its UTF-8 bytes: it may hold NUL, which the type text cannot, and it is then ordered and compared
-- byte by byte whatever the encoding and locale of the database. convert_from(name, 'UTF8') shows it.
--
-- What never changes and what changes often are in different tables, so that a transition rewrites few bytes. Tables that
-- are rewritten leave room in their pages, and no column that changes is indexed, so that a new version of a row stays in
-- its page (a "heap-only" update).
--
-- The row of a job in job_status is the lock of everything that belongs to the job.

-- One row. `version` grows with every change of a cluster and every new class, and its row is the lock for both.
CREATE TABLE catalog (
    version bigint NOT NULL
);
INSERT INTO catalog VALUES (0);

-- One row: the next keys that nobody has.
CREATE TABLE next_keys (
    job  bigint NOT NULL,
    task bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO next_keys VALUES (1, 1);

CREATE TABLE cluster (
    slug         bytea PRIMARY KEY,
    display_name bytea NOT NULL,
    description  bytea NOT NULL,
    deletable    boolean NOT NULL,
    created_at   bigint NOT NULL
);

CREATE TABLE class (
    key     bigint PRIMARY KEY,
    cluster bytea NOT NULL,
    name    bytea NOT NULL,
    version bytea NOT NULL
);

CREATE TABLE job (
    key          bigint PRIMARY KEY,
    id           uuid NOT NULL UNIQUE,
    name         bytea NOT NULL,
    name_key     bytea NOT NULL,
    trace_parent bytea NOT NULL,
    submitted_at bigint NOT NULL,
    automation   uuid,
    fingerprint  uuid NOT NULL,
    first_root   bigint NOT NULL,
    roots        bigint NOT NULL
);
CREATE INDEX job_by_fingerprint ON job (fingerprint);
CREATE INDEX job_by_automation ON job (automation) WHERE automation IS NOT NULL;

-- Counters of a job. The state is computed by the engine and kept here to be searched.
CREATE TABLE job_status (
    job              bigint PRIMARY KEY,
    state            smallint NOT NULL,
    canceled         boolean NOT NULL,
    queued           bigint NOT NULL,
    running          bigint NOT NULL,
    computed         bigint NOT NULL,
    failed           bigint NOT NULL,
    skipped          bigint NOT NULL,
    failed_optional  bigint NOT NULL,
    first_started_at bigint,
    last_stopped_at  bigint,
    compute_time     bigint NOT NULL,
    times_stale      boolean NOT NULL,
    resume_at        bigint
) WITH (fillfactor = 50);

CREATE TABLE job_class (
    job   bigint NOT NULL,
    class bigint NOT NULL,
    PRIMARY KEY (job, class)
);

-- A group's key is the key of its first task, its id that of its first task; the others follow.
CREATE TABLE task_group (
    key          bigint PRIMARY KEY,
    id           uuid NOT NULL UNIQUE,
    job          bigint NOT NULL,
    parent       bigint,
    depth        bigint NOT NULL,
    boundary     bigint,
    count        bigint NOT NULL,
    dependencies bigint NOT NULL,
    dependents   bytea NOT NULL,
    slices       bytea NOT NULL,
    submitted_at bigint NOT NULL
);
CREATE INDEX task_group_by_job ON task_group (job, key);

CREATE TABLE group_state (
    key     bigint PRIMARY KEY,
    open    bigint NOT NULL,
    blocked bigint NOT NULL,
    skipped boolean NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE task_input (
    key   bigint PRIMARY KEY,
    input bytea NOT NULL
);

-- Tasks that have been handed out at least once, as they were when they last stopped. A task without a row is QUEUED,
-- or SKIPPED if its group says so.
CREATE TABLE task (
    key               bigint PRIMARY KEY,
    grp               bigint NOT NULL,
    state             smallint NOT NULL,
    retry_count       bigint NOT NULL,
    failures          bigint NOT NULL,
    crashes           bigint NOT NULL,
    hand_backs        bigint NOT NULL,
    hand_outs         bigint NOT NULL,
    flags             smallint NOT NULL,
    started_at        bigint,
    stopped_at        bigint,
    first_child       bigint,
    children          bigint NOT NULL,
    open_groups       bigint NOT NULL,
    answered_task     bigint,
    answered_hand_out bigint NOT NULL
) WITH (fillfactor = 90);

-- Tasks that are RUNNING; a row here counts before one in task. Small, so that finding lapsed leases needs no index; its
-- rows come and go quickly, so it is vacuumed often.
CREATE TABLE running (
    key         bigint PRIMARY KEY,
    grp         bigint NOT NULL,
    retry_count bigint NOT NULL,
    failures    bigint NOT NULL,
    crashes     bigint NOT NULL,
    hand_backs  bigint NOT NULL,
    hand_outs   bigint NOT NULL,
    flags       smallint NOT NULL,
    started_at  bigint NOT NULL,
    lease_until bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE failed (
    job  bigint NOT NULL,
    task bigint NOT NULL,
    PRIMARY KEY (job, task)
);

CREATE TABLE display (
    task    bigint PRIMARY KEY,
    display bytea NOT NULL
);

CREATE TABLE task_progress (
    task  bigint NOT NULL,
    label bytea NOT NULL,
    total bigint NOT NULL,
    done  bigint NOT NULL,
    PRIMARY KEY (task, label)
);

CREATE TABLE job_progress (
    job   bigint NOT NULL,
    label bytea NOT NULL,
    total bigint NOT NULL,
    done  bigint NOT NULL,
    tasks bigint NOT NULL,
    PRIMARY KEY (job, label)
);

CREATE TABLE ready (
    job      bigint NOT NULL,
    class    bigint NOT NULL,
    depth    bigint NOT NULL,
    first    bigint NOT NULL,
    returned boolean NOT NULL,
    next     bigint NOT NULL,
    until    bigint NOT NULL,
    grp      bigint NOT NULL,
    PRIMARY KEY (job, class, depth, first, returned)
) WITH (fillfactor = 50);

CREATE TABLE queue (
    class bigint NOT NULL,
    job   bigint NOT NULL,
    PRIMARY KEY (class, job)
);
