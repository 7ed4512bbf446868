-- People who signed in with a browser (gateway/web/signin). What opens the tokens is in the
-- browser's cookie alone, so that neither this table nor a cookie gives them by itself.

-- +goose Up
CREATE TABLE web_session (
    id       TEXT   PRIMARY KEY, -- SHA-256 of the cookie's id
    person   TEXT   NOT NULL,    -- SHA-256 of issuer and subject
    began    BIGINT NOT NULL,
    used     BIGINT NOT NULL,
    ends     BIGINT NOT NULL,
    revision BIGINT NOT NULL,    -- grows each time that the tokens were renewed, or could not be
    renewing BIGINT NOT NULL,    -- until then one request renews the tokens for all others
    tokens   BYTEA  NOT NULL     -- AES-256-GCM by the cookie's key
);
CREATE INDEX web_session_person ON web_session (person, began);
CREATE INDEX web_session_ends ON web_session (ends);
CREATE INDEX web_session_used ON web_session (used);

-- Answers of issuers that were taken: each counts once.
CREATE TABLE web_answer (
    state TEXT   PRIMARY KEY, -- SHA-256
    ends  BIGINT NOT NULL     -- after that no answer to it counts anyway
);
CREATE INDEX web_answer_ends ON web_answer (ends);

-- +goose Down
SELECT 1;
