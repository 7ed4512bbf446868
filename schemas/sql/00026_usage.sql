-- What trainers judge a dataset by beside what it says: how many runs read it, and how long those
-- who asked for it waited for an answer (policy/agreement/usage).

-- +goose Up
CREATE TABLE dataset_run (
    dataset TEXT NOT NULL,
    run     TEXT NOT NULL,
    PRIMARY KEY (dataset, run)
);
CREATE TABLE answer (
    request  TEXT   NOT NULL,
    dataset  TEXT   NOT NULL,
    provider TEXT   NOT NULL,
    at       BIGINT NOT NULL, -- when somebody answered
    wait     BIGINT NOT NULL, -- since it was asked, in microseconds
    PRIMARY KEY (request, dataset)
);
CREATE INDEX answer_dataset ON answer (dataset, at);
CREATE INDEX answer_provider ON answer (provider, at);

-- What the record has of the time before.
INSERT INTO dataset_run (dataset, run)
    SELECT DISTINCT d.value, r.value FROM change c
    JOIN change_value r ON r.position = c.position AND r.name = 'run'
    JOIN change_value d ON d.position = c.position AND d.name = 'dataset'
    WHERE c.kind = 'release.begin' AND r.value <> '';
INSERT INTO answer (request, dataset, provider, at, wait)
    SELECT c.subject, d.value, max(p.value), max(c.at),
        max(c.at - (SELECT min(q.at) FROM change q WHERE q.subject = c.subject AND q.kind = 'request'
            AND q.kind NOT IN ('refusal', 'release.begin', 'release.end')))
    FROM change c
    JOIN change_value d ON d.position = c.position AND d.name = 'dataset'
    JOIN change_value p ON p.position = c.position AND p.name = 'provider'
    WHERE c.kind = 'review' AND EXISTS (SELECT 1 FROM change q WHERE q.subject = c.subject AND q.kind = 'request'
        AND q.kind NOT IN ('refusal', 'release.begin', 'release.end'))
    GROUP BY c.subject, d.value;

-- +goose Down
SELECT 1;
