-- What nobody looks up is in no index: a release writes some 34 values and two changes, and
-- each was put into a tree that it was never found by. Queries repeat the conditions word
-- for word, else a database does not use the index (connectors/db/indexes).

-- +goose Up
DROP INDEX IF EXISTS change_subject;
CREATE INDEX change_subject ON change (subject, position) WHERE kind NOT IN ('refusal', 'release.begin', 'release.end');
DROP INDEX IF EXISTS change_value_value;
CREATE INDEX change_value_value ON change_value (name, substr(value, 1, 200), position) -- PostgreSQL's index rows have at most 2,700 bytes
    WHERE (name IN ('agreement', 'by', 'dataset', 'participant', 'project', 'provider', 'run') OR name LIKE 'account%');
DROP INDEX IF EXISTS release_state;
CREATE INDEX release_open ON release (replica) WHERE state = 'open';

-- +goose Down
SELECT 1;
