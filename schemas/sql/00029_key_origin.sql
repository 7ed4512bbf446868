-- By whom a value is held that datasets are compared by: what many datasets of one origin have says nothing
-- of those, and takes nothing from others.

-- +goose Up
CREATE TABLE duplicate_held (
    key     TEXT NOT NULL,
    origin  TEXT NOT NULL, -- who brought the dataset: a source, or its provider
    dataset TEXT NOT NULL,
    PRIMARY KEY (key, origin, dataset)
);
INSERT INTO duplicate_held (key, origin, dataset) SELECT k.key, d.origin, k.dataset FROM duplicate_key k JOIN dataset d ON d.id = k.dataset;
DROP TABLE duplicate_key;
CREATE INDEX duplicate_held_dataset ON duplicate_held (dataset);

-- +goose Down
SELECT 1;
