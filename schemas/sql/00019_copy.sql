-- The keys of staged copies, sealed: a copy whose key is gone is no data any more. What else is
-- known of a copy stands in its lease.

-- +goose Up
CREATE TABLE copy (
    id       TEXT PRIMARY KEY,
    provider TEXT NOT NULL, -- whose data it is a copy of
    until    BIGINT NOT NULL,
    sealed   TEXT NOT NULL
);

-- +goose Down
SELECT 1;
