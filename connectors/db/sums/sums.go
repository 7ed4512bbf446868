// Package sums keeps how much was released in each hour and day, so that nobody adds up releases when a page is made.
//
// In: releases that ended, in the transaction in which they do; once, when a database is carried over, all that ended
// before. Out: rows of the tables released, of agreements, and released_run, of runs. Always: a release is in each sum
// once; what says exactly what it sent and what says the most that it can have sent are never one number. It must not
// know who reads.
//
//	stream of run-a under agr-1 ends at 14:20 on 2 March: 10 rows, 100 bytes
//
//	released      agr-1         1 h  bin 2 March 14:00   streams +1  rows +10  bytes +100
//	              agr-1        24 h  bin 2 March               the same
//	released_run  agr-1 run-a   1 h, 24 h                      the same
package sums

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"guichet/schemas"
)

// Execer runs a statement that has a "?" for each argument: a transaction.
type Execer interface {
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// The lengths of bins, in hours.
const (
	Hour = 1
	Day  = 24
)

// Bin is the number of the bin that holds a time: bins of so many hours are counted from 1970 on, UTC.
func Bin(t time.Time, hours int64) int64 {
	const second = int64(time.Hour / time.Second)
	n, length := t.Unix(), hours*second
	if n < 0 { // down, not towards 1970
		n -= length - 1
	}
	return n / length
}

// Begins is when a bin begins.
func Begins(bin, hours int64) time.Time {
	return time.Unix(bin*hours*int64(time.Hour/time.Second), 0).UTC()
}

// place is a row of the sums; without a run it is one of released.
type place struct {
	agreement schemas.AgreementID
	who       schemas.ParticipantID // read
	run       schemas.RunID
	hours     int64
	bin       int64
}

// amount is what is added to one.
type amount struct {
	streams, rows, bytes             int64 // of releases that say exactly what they sent
	mostStreams, mostRows, mostBytes int64 // of the others
}

// of is a release as an amount.
func of(r *schemas.Release) amount {
	if r.AtMost() {
		return amount{mostStreams: 1, mostRows: r.Rows, mostBytes: r.Bytes}
	}
	return amount{streams: 1, rows: r.Rows, bytes: r.Bytes}
}

// plus is both.
func (a amount) plus(b amount) amount {
	return amount{
		a.streams + b.streams, a.rows + b.rows, a.bytes + b.bytes,
		a.mostStreams + b.mostStreams, a.mostRows + b.mostRows, a.mostBytes + b.mostBytes,
	}
}

// places are the rows in which a release that ended stands.
func places(r *schemas.Release) (out []place) {
	for _, hours := range []int64{Hour, Day} {
		p := place{agreement: r.Agreement, who: r.Participant, hours: hours, bin: Bin(r.Ended, hours)}
		out = append(out, p)
		if r.Run != "" {
			p.run = r.Run
			out = append(out, p)
		}
	}
	return out
}

// Add adds a release that ended to the sums.
func Add(ctx context.Context, tx Execer, r *schemas.Release) error {
	for _, p := range places(r) {
		err := p.add(ctx, tx, of(r))
		if err != nil {
			return fmt.Errorf("add release %s to the sums: %w", r.ID, err)
		}
	}
	return nil
}

// The statements that add. Whose an agreement is, what it is on and for which project, it says itself: releases of earlier
// versions do not.
const (
	numbers = `streams, sent_rows, sent_bytes, most_streams, most_rows, most_bytes`
	added   = `
		SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), id, CAST(? AS TEXT), dataset, provider, project, CAST(? AS BIGINT), CAST(? AS BIGINT),
		CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT)`
	grows = `streams = s.streams + excluded.streams, sent_rows = s.sent_rows + excluded.sent_rows,
		sent_bytes = s.sent_bytes + excluded.sent_bytes, most_streams = s.most_streams + excluded.most_streams,
		most_rows = s.most_rows + excluded.most_rows, most_bytes = s.most_bytes + excluded.most_bytes`
	toAgreement = `INSERT INTO released AS s (hours, bin, agreement, participant, dataset, provider, project, ` + numbers + `)` + added + `
		FROM agreement WHERE id = ? ON CONFLICT (agreement, hours, bin, participant) DO UPDATE SET ` + grows
	toRun = `INSERT INTO released_run AS s (hours, bin, agreement, participant, dataset, provider, project, ` + numbers + `, run)` + added + `, CAST(? AS TEXT)
		FROM agreement WHERE id = ? ON CONFLICT (run, hours, bin, agreement, participant) DO UPDATE SET ` + grows
)

// add adds to a row, which is made where there is none.
func (p place) add(ctx context.Context, tx Execer, a amount) error {
	args := []any{p.hours, p.bin, string(p.who), a.streams, a.rows, a.bytes, a.mostStreams, a.mostRows, a.mostBytes}
	q := toAgreement
	if p.run != "" {
		q, args = toRun, append(args, string(p.run))
	}
	_, err := tx.Exec(ctx, q, append(args, string(p.agreement))...)
	return err
}
