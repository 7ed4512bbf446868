-- What is given to harvesters of others is found without reading what is not: anybody may ask for
-- it, as often as every two seconds. Queries repeat the conditions word for word
-- (connectors/db/indexes).

-- +goose Up
CREATE INDEX change_value_visible ON change_value (position) WHERE name = 'visible';
CREATE INDEX dataset_given ON dataset (id)
    WHERE withdrawn = 0 AND origin NOT LIKE 'source:%' AND (doc NOT LIKE '%"visibility":%' OR doc LIKE '%"visibility":"everyone"%');

-- +goose Down
SELECT 1;
