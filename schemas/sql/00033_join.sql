-- People who ask to join with an organisation, and invitations of members (policy/join). Of an
-- invitation's secret only its hash is kept.

-- +goose Up
CREATE TABLE application (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    person   TEXT   NOT NULL, -- SHA-256 of issuer and subject
    issuer   TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    asked    BIGINT NOT NULL,
    doc      TEXT   NOT NULL
);
CREATE UNIQUE INDEX application_open ON application (person) WHERE state = 'waiting'; -- one of a person
CREATE INDEX application_person ON application (person, asked);
CREATE INDEX application_state ON application (state, id);
CREATE TABLE invitation (
    id          TEXT PRIMARY KEY,
    revision    BIGINT NOT NULL,
    participant TEXT   NOT NULL,
    hash        TEXT   NOT NULL UNIQUE, -- SHA-256 of the secret in its link
    state       TEXT   NOT NULL,
    ends        BIGINT NOT NULL,
    doc         TEXT   NOT NULL
);
CREATE INDEX invitation_participant ON invitation (participant, state, ends);

-- +goose Down
SELECT 1;
