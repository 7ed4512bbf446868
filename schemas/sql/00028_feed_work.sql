-- What of a feed of changes is still to be put together, what is wrong with what it says of an entity,
-- and how much of it is kept.

-- +goose Up
ALTER TABLE source_entity ADD COLUMN fault TEXT NOT NULL DEFAULT ''; -- why what was said last was not taken over
CREATE TABLE source_again (
    source TEXT   NOT NULL,
    iri    TEXT   NOT NULL, -- of an entity; where it is a dataset it is put together anew
    levels BIGINT NOT NULL, -- how far those that name it are due too
    at     BIGINT NOT NULL, -- since when
    PRIMARY KEY (source, iri)
);
CREATE INDEX source_again_levels ON source_again (source, levels, iri);
CREATE TABLE source_kept (
    source   TEXT PRIMARY KEY,
    entities BIGINT NOT NULL,
    bytes    BIGINT NOT NULL
);
INSERT INTO source_kept (source, entities, bytes) SELECT source, count(*), sum(length(doc)) FROM source_entity GROUP BY source;

-- +goose Down
SELECT 1;
