-- What feeds of changes say of each entity of a catalogue, from which its datasets are put together.

-- +goose Up
CREATE TABLE source_entity (
    source TEXT   NOT NULL,
    iri    TEXT   NOT NULL,
    at     BIGINT NOT NULL, -- when what is said was published
    doc    TEXT   NOT NULL, -- its nodes, as expanded JSON-LD; '' of one that is gone
    PRIMARY KEY (source, iri)
);
CREATE TABLE source_reference (
    source TEXT NOT NULL,
    iri    TEXT NOT NULL, -- of the entity that names it
    target TEXT NOT NULL, -- an IRI
    PRIMARY KEY (source, iri, target)
);
CREATE INDEX source_reference_target ON source_reference (source, target, iri);

-- +goose Down
SELECT 1;
