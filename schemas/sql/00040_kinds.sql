-- Entries of the record by their kind: reports, searches of the record and what was erased read few kinds of many. Those
-- of which there are most are read by what they are about, and stand in no index of kinds (connectors/db/indexes).

-- +goose Up
CREATE INDEX change_kind ON change (kind, position) WHERE kind NOT IN ('refusal', 'release.begin', 'release.end');

-- +goose Down
SELECT 1;
