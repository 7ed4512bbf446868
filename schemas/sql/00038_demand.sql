-- What was searched and not found (catalog/demand), without persons: words with daily counts. Who sought them is kept
-- as a keyed hash that is another one for each words, and only until enough others did.

-- +goose Up
CREATE TABLE demand_words (
    space   TEXT   NOT NULL, -- '' where none was named
    words   TEXT   NOT NULL,
    seekers BIGINT NOT NULL, -- counted until they are enough
    last    TEXT   NOT NULL, -- day
    PRIMARY KEY (space, words)
);
CREATE INDEX demand_words_few ON demand_words (seekers, last);
CREATE TABLE demand_day (
    space TEXT   NOT NULL,
    words TEXT   NOT NULL,
    day   TEXT   NOT NULL,
    n     BIGINT NOT NULL,
    PRIMARY KEY (space, words, day)
);
CREATE INDEX demand_day_day ON demand_day (day);
CREATE TABLE demand_seeker (
    space  TEXT NOT NULL,
    words  TEXT NOT NULL,
    seeker TEXT NOT NULL,
    PRIMARY KEY (space, words, seeker)
);

-- +goose Down
SELECT 1;
