-- What organisations are told, until they have been told.

-- +goose Up
CREATE TABLE notice (
    id    TEXT PRIMARY KEY,
    due   BIGINT NOT NULL, -- when it is tried next
    tries BIGINT NOT NULL,
    doc   TEXT NOT NULL
);
CREATE INDEX notice_due ON notice (due);

-- +goose Down
SELECT 1;
