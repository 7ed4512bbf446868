-- Requests, agreements and runs are listed the newest first: when each was made, in Unix microseconds.

-- +goose Up
ALTER TABLE request ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agreement ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN made BIGINT NOT NULL DEFAULT 0;
UPDATE request SET made = coalesce((SELECT min(c.at) FROM change c
    WHERE c.subject = request.id AND c.kind NOT IN ('refusal', 'release.begin', 'release.end')), 0);
UPDATE agreement SET made = coalesce((SELECT min(c.at) FROM change c
    WHERE c.subject = agreement.id AND c.kind NOT IN ('refusal', 'release.begin', 'release.end')), 0);
UPDATE run SET made = coalesce((SELECT min(c.at) FROM change c
    WHERE c.subject = run.id AND c.kind NOT IN ('refusal', 'release.begin', 'release.end')), 0);
CREATE INDEX request_made ON request (made, id);
CREATE INDEX agreement_made ON agreement (made, id);
CREATE INDEX run_made ON run (made, id);

-- +goose Down
SELECT 1;
