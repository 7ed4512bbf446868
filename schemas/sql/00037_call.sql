-- Calls under which projects run (policy/call): what each allows, and which projects asked to run under it.

-- +goose Up
CREATE TABLE call (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    doc      TEXT   NOT NULL
);
CREATE TABLE call_application (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    call     TEXT   NOT NULL,
    project  TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    doc      TEXT   NOT NULL
);
CREATE UNIQUE INDEX call_application_one ON call_application (project) WHERE state IN ('waiting', 'admitted'); -- of a project
CREATE INDEX call_application_call ON call_application (call, state, id);

-- +goose Down
SELECT 1;
