// Package usage counts what trainers judge a dataset by beside what it says: the runs that read it,
// and how long those who asked for it waited for an answer.
//
// In: first reads of runs and answers of reviewers, each in the transaction in which it becomes true;
// datasets that a caller sees. Out: facts about them. Always: nothing is told below five runs or five
// answers, nothing of who they were; a dataset that not everybody may see has no facts, and moves none
// of others. It must not know who asks.
package usage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/indexes"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

const (
	// Few is the number below which nothing is told: it would be of single persons.
	Few = 5

	maxAnswers = 31 // that a median is of: the newest
	atOnce     = 25 // datasets in one query
)

// Read notes that a run reads a dataset.
func Read(ctx context.Context, tx *db.Tx, dataset schemas.DatasetID, run schemas.RunID) error {
	if run == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO dataset_run (dataset, run) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(dataset), string(run))
	if err != nil {
		return fmt.Errorf("note that %s reads %s: %w", run, dataset, err)
	}
	return nil
}

// Answered notes that somebody answered what was asked of a dataset. What was answered once is not
// noted again.
func Answered(ctx context.Context, tx *db.Tx, r *schemas.Request, it *schemas.RequestItem, at time.Time) error {
	_, err := tx.Exec(
		ctx, `INSERT INTO answer (request, dataset, provider, at, wait) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(r.ID), string(it.Dataset), string(it.Provider), at.UnixMicro(), max(0, at.Sub(r.Submitted).Microseconds()),
	)
	if err != nil {
		return fmt.Errorf("note the answer to %s: %w", r.ID, err)
	}
	return nil
}

// Of gives the facts of datasets as they were read, in their order.
func Of(ctx context.Context, q db.Querier, sets []*schemas.Dataset) ([]schemas.Facts, error) {
	out := make([]schemas.Facts, len(sets))
	var open []int // those that everybody may see
	for i, d := range sets {
		out[i].Updated = about.Updated(d)
		if d.Source == "" && (d.Visibility == "" || d.Visibility == schemas.VisibleToEveryone) {
			open = append(open, i)
		}
	}
	for part := range slices.Chunk(open, atOnce) {
		err := count(ctx, q, sets, part, out)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// count fills in the facts of some datasets: each query is one for all of them, and reads a bounded
// number of rows of each.
func count(ctx context.Context, q db.Querier, sets []*schemas.Dataset, at []int, out []schemas.Facts) error {
	ids := make([]string, len(at))
	for i, k := range at {
		ids[i] = string(sets[k].ID)
	}
	runs, err := numbers(ctx, q, fmt.Sprintf(
		`(SELECT count(*) AS n FROM (SELECT 1 FROM dataset_run WHERE dataset = ? LIMIT %d) AS few)`, schemas.MostRuns), ids)
	if err != nil {
		return err
	}
	waits, err := numbers(ctx, q, fmt.Sprintf(
		`(SELECT wait AS n FROM answer WHERE dataset = ? ORDER BY at DESC LIMIT %d)`, maxAnswers), ids)
	if err != nil {
		return err
	}
	var providers []string // of datasets that have too few answers
	for i, k := range at {
		if n := runs[i][0]; n >= Few {
			out[k].Runs = int(n)
		}
		out[k].Wait = median(waits[i], schemas.WaitOfDataset)
		if p := string(sets[k].Provider); out[k].Wait == nil && !slices.Contains(providers, p) {
			providers = append(providers, p)
		}
	}
	if len(providers) == 0 {
		return nil
	}
	theirs, err := numbers(ctx, q, fmt.Sprintf(
		`(SELECT wait AS n FROM answer JOIN (SELECT id FROM dataset WHERE %s) AS seen ON seen.id = answer.dataset
			WHERE answer.provider = ? ORDER BY at DESC LIMIT %d)`, indexes.GivenDatasets, maxAnswers), providers)
	if err != nil {
		return err
	}
	for _, k := range at {
		if out[k].Wait == nil {
			out[k].Wait = median(theirs[slices.Index(providers, string(sets[k].Provider))], schemas.WaitOfProvider)
		}
	}
	return nil
}

// numbers asks one question for each of some values at once.
func numbers(ctx context.Context, q db.Querier, question string, of []string) ([][]int64, error) {
	var query strings.Builder
	args := make([]any, len(of))
	for i, value := range of {
		if i > 0 {
			query.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&query, "SELECT %d AS i, n FROM %s AS q%d", i, question, i)
		args[i] = value
	}
	rows, err := q.Query(ctx, query.String(), args...)
	if err != nil {
		return nil, fmt.Errorf("count how datasets are used: %w", err)
	}
	defer rows.Close()
	out := make([][]int64, len(of))
	for rows.Next() {
		var i int
		var n int64
		err := rows.Scan(&i, &n)
		if err != nil {
			return nil, fmt.Errorf("count how datasets are used: %w", err)
		}
		out[i] = append(out[i], n)
	}
	return out, rows.Err()
}

// median is that of some waits, in hours; nil of too few.
func median(waits []int64, of string) *schemas.Wait {
	if len(waits) < Few {
		return nil
	}
	slices.Sort(waits)
	const hour = int64(time.Hour / time.Microsecond)
	return &schemas.Wait{Hours: max(1, (waits[len(waits)/2]+hour-1)/hour), Answers: len(waits), Of: of}
}
