-- Catalogues of others, and what was taken over from them.

-- +goose Up
CREATE TABLE source (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    due      BIGINT NOT NULL, -- when it is harvested next
    held     BIGINT NOT NULL, -- until when a gateway is at it
    doc      TEXT NOT NULL
);
CREATE INDEX source_due ON source (due);
CREATE TABLE harvested (
    source  TEXT NOT NULL,
    iri     TEXT NOT NULL,
    dataset TEXT NOT NULL,   -- '' where nothing was ever taken over
    page    TEXT NOT NULL,   -- on which it stands
    digest  TEXT NOT NULL,   -- of the record; '' where it is gone from the source
    harvest BIGINT NOT NULL, -- that saw it last
    refused TEXT NOT NULL,   -- why it was not taken over as it stands there
    PRIMARY KEY (source, iri)
);
CREATE INDEX harvested_page ON harvested (source, page);
CREATE INDEX harvested_dataset ON harvested (dataset);
CREATE TABLE source_page (
    source   TEXT NOT NULL,
    page     TEXT NOT NULL,
    etag     TEXT NOT NULL,
    modified TEXT NOT NULL,
    digest   TEXT NOT NULL,
    next     TEXT NOT NULL,
    records  BIGINT NOT NULL,
    harvest  BIGINT NOT NULL,
    PRIMARY KEY (source, page)
);

-- +goose Down
SELECT 1;
