-- Under a budget a row that is read again in the same run and epoch is charged
-- once [decisions.md 15]. Agreements without a budget write nothing here.
-- segments: policy/agreement.appendSegments.

-- +goose Up

-- What each run has paid for: sorted spans that do not touch, of one split. reading
-- names epoch and view: in another epoch, or with other columns, a row costs again.
CREATE TABLE paid (
    agreement TEXT  NOT NULL,
    run       TEXT  NOT NULL,
    version   TEXT  NOT NULL,
    of_table  TEXT  NOT NULL,
    split     TEXT  NOT NULL,
    reading   TEXT  NOT NULL,
    segments  BYTEA NOT NULL,
    PRIMARY KEY (agreement, run, version, of_table, split, reading)
);

-- What open releases send, in that order, so that their ends know which rows they
-- were, also after a crash.
CREATE TABLE release_plan (release TEXT PRIMARY KEY, segments BYTEA NOT NULL);

-- +goose Down
SELECT 1;
