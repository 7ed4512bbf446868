package sums

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/pressly/goose/v3"

	"guichet/connectors/db/numbered"
	"guichet/schemas"
)

// version is the place of Migration among the migrations.
const version = 41

// Migration makes the tables and adds what ended before. What it ended with stands in documents of JSON, which the two
// databases read by different words, so it is no file of schemas/sql.
func Migration(postgres bool) *goose.Migration {
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		to := within{tx, postgres}
		for _, q := range []string{
			`CREATE TABLE released (` + columns + `, PRIMARY KEY (agreement, hours, bin, participant))`,
			`CREATE INDEX released_bin ON released (hours, bin)`,
			`CREATE INDEX released_dataset ON released (dataset, hours, bin)`,
			`CREATE INDEX released_provider ON released (provider, hours, bin)`,
			`CREATE INDEX released_participant ON released (participant, hours, bin)`,
			`CREATE INDEX released_project ON released (project, hours, bin)`,
			`CREATE TABLE released_run (` + columns + `, run TEXT NOT NULL, PRIMARY KEY (run, hours, bin, agreement, participant))`,
			`CREATE INDEX released_run_agreement ON released_run (agreement, hours, bin)`,
			`CREATE INDEX released_run_dataset ON released_run (dataset, hours, bin)`,
		} {
			_, err := tx.ExecContext(ctx, q)
			if err != nil {
				return fmt.Errorf("%.40s: %w", q, err)
			}
		}
		return to.addAll(ctx)
	}}, nil)
}

// columns are those of both tables: bins are so many hours long and counted from 1970 on, UTC.
const columns = `hours BIGINT NOT NULL, bin BIGINT NOT NULL, agreement TEXT NOT NULL, participant TEXT NOT NULL, dataset TEXT NOT NULL,
	provider TEXT NOT NULL, project TEXT NOT NULL, streams BIGINT NOT NULL, sent_rows BIGINT NOT NULL, sent_bytes BIGINT NOT NULL,
	most_streams BIGINT NOT NULL, most_rows BIGINT NOT NULL, most_bytes BIGINT NOT NULL`

// within is the transaction of a migration.
type within struct {
	tx       *sql.Tx
	postgres bool
}

// Exec is for add.
func (w within) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if w.postgres {
		query = numbered.Arguments(query)
	}
	return w.tx.ExecContext(ctx, query, args...)
}

// addAll adds all releases that ended. Of a million, an agreement has some thousand bins: they are added up in memory first.
func (w within) addAll(ctx context.Context) error {
	rows, err := w.tx.QueryContext(ctx, `SELECT id, doc FROM release WHERE state <> 'open'`)
	if err != nil {
		return fmt.Errorf("read the releases that ended: %w", err)
	}
	defer rows.Close()
	all := map[place]amount{}
	for rows.Next() {
		var id, doc string
		err := rows.Scan(&id, &doc)
		if err != nil {
			return fmt.Errorf("read the releases that ended: %w", err)
		}
		var r schemas.Release
		err = json.Unmarshal([]byte(doc), &r)
		if err != nil {
			return fmt.Errorf("read release %s: %w", id, err)
		}
		for _, p := range places(&r) {
			all[p] = all[p].plus(of(&r))
		}
	}
	err = rows.Err()
	if err != nil {
		return fmt.Errorf("read the releases that ended: %w", err)
	}
	rows.Close() // one transaction does one thing at a time
	for p, a := range all {
		err := p.add(ctx, w, a)
		if err != nil {
			return fmt.Errorf("add what was released before: %w", err)
		}
	}
	return nil
}
