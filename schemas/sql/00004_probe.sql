-- One row that a gateway rewrites to see whether the database takes writes: reading
-- shows neither a full disk nor a process that holds the head of the sequence. A row
-- rewritten with the value that it has would reach no disk.

-- +goose Up
CREATE TABLE write_probe (one BIGINT PRIMARY KEY CHECK (one = 1), at BIGINT NOT NULL);
INSERT INTO write_probe (one, at) VALUES (1, 0);

-- +goose Down
SELECT 1;
