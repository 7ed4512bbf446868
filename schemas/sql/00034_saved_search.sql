-- Searches that people saved (catalog/saved). They are their own, and stand in no record.

-- +goose Up
CREATE TABLE saved_search (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    person   TEXT   NOT NULL, -- SHA-256 of issuer and subject
    name     TEXT   NOT NULL,
    doc      TEXT   NOT NULL,
    UNIQUE (person, name)
);

-- +goose Down
SELECT 1;
