-- How the values of a version's columns are distributed (catalog/publish/distribution), where its provider
-- consented. It goes with the version, or when the consent is taken back.

-- +goose Up
CREATE TABLE distribution (
    id       TEXT PRIMARY KEY, -- dataset/version
    revision BIGINT NOT NULL,
    dataset  TEXT   NOT NULL,
    doc      TEXT   NOT NULL
);
CREATE INDEX distribution_dataset ON distribution (dataset);

-- +goose Down
SELECT 1;
