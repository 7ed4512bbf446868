-- Datasets that are one and the same in several catalogues: what of each is compared, which are found
-- to be one and why, how they are grouped, and which people said are apart. Only datasets that
-- everybody may see are here. All but what people said is made anew of the datasets.

-- +goose Up
CREATE TABLE duplicate_described (
    dataset TEXT PRIMARY KEY,
    rules   TEXT NOT NULL, -- by which it was compared
    doc     TEXT NOT NULL  -- what of it is compared
);
CREATE TABLE duplicate_key (
    key     TEXT NOT NULL,
    dataset TEXT NOT NULL,
    PRIMARY KEY (key, dataset)
);
CREATE INDEX duplicate_key_dataset ON duplicate_key (dataset);
CREATE TABLE duplicate_pair (
    a   TEXT NOT NULL, -- before b
    b   TEXT NOT NULL,
    doc TEXT NOT NULL, -- how strong the evidence is, and what it is
    PRIMARY KEY (a, b)
);
CREATE INDEX duplicate_pair_b ON duplicate_pair (b);
CREATE TABLE duplicate_group (
    dataset TEXT PRIMARY KEY,
    grouped TEXT NOT NULL -- id of the group; '' where so many are alike that none is formed
);
CREATE INDEX duplicate_group_grouped ON duplicate_group (grouped, dataset);
CREATE TABLE duplicate_due (
    dataset TEXT PRIMARY KEY -- to be compared again, as something that it has became common or rare
);
CREATE TABLE duplicate_apart (
    a       TEXT NOT NULL, -- before b
    b       TEXT NOT NULL,
    said_by TEXT NOT NULL, -- participant
    at      BIGINT NOT NULL,
    PRIMARY KEY (a, b, said_by)
);
CREATE INDEX duplicate_apart_b ON duplicate_apart (b);
CREATE TABLE duplicate_follow (
    id       BIGINT PRIMARY KEY, -- 1
    position BIGINT NOT NULL,    -- of the change sequence, up to which all is done
    rules    TEXT NOT NULL,      -- by which datasets were compared: others have all compared anew
    held     BIGINT NOT NULL,    -- until when a gateway is at it
    holder   TEXT NOT NULL       -- which
);
INSERT INTO duplicate_follow (id, position, rules, held, holder) VALUES (1, 0, '', 0, '');

-- +goose Down
SELECT 1;
