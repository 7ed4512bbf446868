-- One schema for SQLite and PostgreSQL. Nouns are stored as their JSON (doc)
-- beside the columns that are looked up; times are Unix microseconds UTC.
-- BYTEA keeps blobs as they are in SQLite too. Statements avoid what only one
-- of the two understands; the few differences live in connectors/db.

-- +goose Up

-- The one change sequence and the record over it [decisions.md 31].
CREATE TABLE change_head (one BIGINT PRIMARY KEY CHECK (one = 1), next BIGINT NOT NULL);
INSERT INTO change_head (one, next) VALUES (1, 0);
CREATE TABLE change (
    position BIGINT PRIMARY KEY,
    kind     TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    leaf     BYTEA  NOT NULL
);
CREATE INDEX change_subject ON change (subject, position);
CREATE INDEX change_at ON change (at);
CREATE TABLE change_value (
    position BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    salt     BYTEA  NOT NULL,
    value    TEXT   NOT NULL,
    PRIMARY KEY (position, name)
);
CREATE INDEX change_value_value ON change_value (name, substr(value, 1, 200), position); -- PostgreSQL's index rows have at most 2,700 bytes
CREATE TABLE tree_hash (place BIGINT PRIMARY KEY, hash BYTEA NOT NULL); -- place: golang.org/x/mod/sumdb/tlog.StoredHashIndex
CREATE TABLE tree_state (one BIGINT PRIMARY KEY CHECK (one = 1), size BIGINT NOT NULL, root BYTEA NOT NULL);

-- Who takes part.
CREATE TABLE participant (id TEXT PRIMARY KEY, revision BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE member (
    iss         TEXT NOT NULL,
    sub         TEXT NOT NULL,
    participant TEXT NOT NULL,
    roles       TEXT NOT NULL, -- comma separated
    PRIMARY KEY (iss, sub)
);
CREATE TABLE factory (id TEXT PRIMARY KEY, revision BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE project (id TEXT PRIMARY KEY, revision BIGINT NOT NULL, lead TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE store (id TEXT PRIMARY KEY, revision BIGINT NOT NULL, doc TEXT NOT NULL);

-- Datasets: the key is (origin, iri) [decisions.md 7, 33a].
CREATE TABLE dataset (
    id         TEXT PRIMARY KEY,
    revision   BIGINT NOT NULL,
    origin     TEXT NOT NULL,
    iri        TEXT NOT NULL,
    provider   TEXT NOT NULL,
    withdrawn  BIGINT NOT NULL DEFAULT 0,
    doc        TEXT NOT NULL,
    UNIQUE (origin, iri)
);
CREATE INDEX dataset_provider ON dataset (provider, id);
CREATE TABLE version (
    id       TEXT PRIMARY KEY, -- dataset/version
    revision BIGINT NOT NULL,
    dataset  TEXT NOT NULL,
    state    TEXT NOT NULL,
    started  BIGINT NOT NULL,
    ask      TEXT NOT NULL, -- the Publication, so that a restart goes on
    shards   TEXT NOT NULL, -- shards finished so far, while publishing
    doc      TEXT NOT NULL  -- the manifest
);
CREATE INDEX version_dataset ON version (dataset, started);
CREATE INDEX version_state ON version (state);

-- Asks and what became of them.
CREATE TABLE request (
    id          TEXT PRIMARY KEY,
    revision    BIGINT NOT NULL,
    participant TEXT NOT NULL,
    project     TEXT NOT NULL,
    state       TEXT NOT NULL,
    doc         TEXT NOT NULL
);
CREATE INDEX request_participant ON request (participant, id);
CREATE TABLE request_reviewer (
    request  TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    PRIMARY KEY (reviewer, request)
);
CREATE TABLE agreement (
    id          TEXT PRIMARY KEY,
    revision    BIGINT NOT NULL,
    dataset     TEXT NOT NULL,
    provider    TEXT NOT NULL,
    participant TEXT NOT NULL,
    project     TEXT NOT NULL,
    state       TEXT NOT NULL,
    until       BIGINT NOT NULL,
    rows_used   BIGINT NOT NULL DEFAULT 0,
    bytes_used  BIGINT NOT NULL DEFAULT 0,
    doc         TEXT NOT NULL
);
CREATE INDEX agreement_dataset ON agreement (dataset);
CREATE INDEX agreement_provider ON agreement (provider, id);
CREATE INDEX agreement_participant ON agreement (participant, id);
CREATE TABLE lease (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    project  TEXT NOT NULL,
    until    BIGINT NOT NULL,
    doc      TEXT NOT NULL
);
CREATE INDEX lease_until ON lease (until);
CREATE TABLE run (id TEXT PRIMARY KEY, revision BIGINT NOT NULL, project TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE release (
    id          TEXT PRIMARY KEY,
    revision    BIGINT NOT NULL,
    agreement   TEXT NOT NULL,
    dataset     TEXT NOT NULL,
    provider    TEXT NOT NULL,
    participant TEXT NOT NULL,
    state       TEXT NOT NULL,
    replica     TEXT NOT NULL,
    begun       BIGINT NOT NULL,
    doc         TEXT NOT NULL
);
CREATE INDEX release_agreement ON release (agreement, begun);
CREATE INDEX release_state ON release (state);

-- Answers to writes that carried an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    caller TEXT   NOT NULL,
    key    TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    digest TEXT   NOT NULL, -- of method, path and body
    status BIGINT NOT NULL,
    header TEXT   NOT NULL,
    body   BYTEA  NOT NULL,
    PRIMARY KEY (caller, key)
);

-- +goose Down
SELECT 1;
