-- What the doors bound: who has how much.

-- +goose Up
CREATE TABLE upload (key TEXT PRIMARY KEY, provider TEXT NOT NULL, bytes BIGINT NOT NULL); -- in the work bucket
CREATE INDEX upload_provider ON upload (provider);
CREATE INDEX run_project ON run (project);
CREATE INDEX request_project ON request (project, state);
CREATE INDEX dataset_iri ON dataset (iri);
DELETE FROM idempotency; -- answers of before may hold the tokens of leases

-- +goose Down
SELECT 1;
