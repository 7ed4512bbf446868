-- A budget counts what a project gets of a dataset over all of its agreements, so that
-- asking again gives nothing anew [decisions.md 18]. policy/agreement: account.go.

-- +goose Up

CREATE TABLE account (
    id         TEXT PRIMARY KEY, -- digest of dataset, owner and the budget: its rule and limits
    dataset    TEXT   NOT NULL,
    project    TEXT   NOT NULL, -- whose: a project, or an organisation over all of its projects
    rows_used  BIGINT NOT NULL, -- given out for good: it never falls, and stands in the record
    bytes_used BIGINT NOT NULL,
    rows_held  BIGINT NOT NULL, -- and reserved by releases that are open
    bytes_held BIGINT NOT NULL
);
CREATE INDEX account_project ON account (project);

-- +goose Down
SELECT 1;
