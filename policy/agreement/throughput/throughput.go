// Package throughput says how much was released over time.
//
// In: a caller, what she asks about, from when to when. Out: bins of hours or days, each with the streams that ended in it
// and what they sent. Always: a caller reads sums of what her organisation read or provides, or of an agreement that is
// hers to see, and of nothing else; what is only known at most stands apart; the time is UTC. It must not read releases,
// of which there are millions, nor the record.
package throughput

import (
	"context"
	"fmt"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/sums"
	"guichet/policy/agreement"
	"guichet/policy/agreement/run"
	"guichet/schemas"
)

const (
	mostHours = 3 * 24 // that are shown hour by hour
	mostDays  = 366
	usualDays = 30
)

// Throughputs answers. Safe for concurrent use.
type Throughputs struct {
	Agreements *agreement.Agreements
	Runs       *run.Runs
	Now        func() time.Time // nil: the clock
}

// Query picks what is added up; what is empty is any.
type Query struct {
	Dataset   schemas.DatasetID
	Agreement schemas.AgreementID
	Project   schemas.ProjectID
	Run       schemas.RunID
	Provider  schemas.ParticipantID
	From, To  time.Time // zero: the last thirty days
}

// Flow is what some streams sent.
type Flow struct {
	Streams int64 `json:"streams"`
	Rows    int64 `json:"rows"`
	Bytes   int64 `json:"bytes"`
}

// Interval is an hour or a day.
type Interval struct {
	From   time.Time `json:"from" doc:"when it begins, UTC"`
	Flow             // of streams that say exactly what they sent
	AtMost *Flow     `json:"at_most,omitempty" doc:"of streams whose end is not known, or that were released by URL: the most that it can have been"`
}

// Throughput is what was released between two times.
type Throughput struct {
	By   string     `json:"by" enum:"hour,day" doc:"how long the bins are: hours for up to three days, else days"`
	From time.Time  `json:"from" doc:"when the first bin begins, UTC"`
	To   time.Time  `json:"to" doc:"when the last bin ends, UTC"`
	Bins []Interval `json:"bins" doc:"all of them in their order, with those in which nothing ended"`
	Note string     `json:"note" doc:"what these numbers stand on"`
}

// note is what the numbers stand on.
const note = "A stream counts in the hour, UTC, in which it ended. What still runs is not in it."

// Of adds up. Errors: Unauthenticated, Denied without an organisation, Invalid at from or to, NotFound for an agreement or
// run that the caller may not see.
func (s *Throughputs) Of(ctx context.Context, by schemas.Principal, q Query) (Throughput, error) {
	err := agreement.SignedIn(by, "throughput")
	if err != nil {
		return Throughput{}, err
	}
	out, hours, err := s.spread(&q)
	if err != nil {
		return out, err
	}
	table, where, args, err := s.visible(ctx, by, &q)
	if err != nil {
		return out, err
	}
	first := sums.Bin(out.From, hours)
	args = append([]any{hours, first, first + int64(len(out.Bins))}, args...)
	rows, err := s.Agreements.DB.Query(ctx, `SELECT bin, CAST(sum(streams) AS BIGINT), CAST(sum(sent_rows) AS BIGINT),
		CAST(sum(sent_bytes) AS BIGINT), CAST(sum(most_streams) AS BIGINT), CAST(sum(most_rows) AS BIGINT), CAST(sum(most_bytes) AS BIGINT)
		FROM `+table+` WHERE hours = ? AND bin >= ? AND bin < ?`+where+` GROUP BY bin`, args...)
	if err != nil {
		return out, fmt.Errorf("add up what was released: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var bin int64
		var exact, most Flow
		err := rows.Scan(&bin, &exact.Streams, &exact.Rows, &exact.Bytes, &most.Streams, &most.Rows, &most.Bytes)
		if err != nil {
			return out, fmt.Errorf("add up what was released: %w", err)
		}
		b := &out.Bins[bin-first]
		b.Flow = exact
		if most.Streams > 0 {
			b.AtMost = &most
		}
	}
	return out, rows.Err()
}

func (s *Throughputs) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// spread lays out the bins, of so many hours, that hold the time from one moment to another.
func (s *Throughputs) spread(q *Query) (out Throughput, hours int64, err error) {
	if q.To.IsZero() {
		q.To = s.now()
	}
	if q.From.IsZero() {
		q.From = q.To.AddDate(0, 0, -usualDays)
	}
	if !q.From.Before(q.To) {
		return out, 0, schemas.BadField("throughput", "from", "from must lie before to, which is %s", q.To.UTC().Format(time.RFC3339))
	}
	out.By, hours = "hour", sums.Hour
	if q.To.Sub(q.From) > mostHours*time.Hour {
		out.By, hours = "day", sums.Day
	}
	if q.To.Sub(q.From) > mostDays*24*time.Hour {
		return out, 0, schemas.BadField("throughput", "from", "from lies more than %d days before to; ask for a shorter time", mostDays)
	}
	first, last := sums.Bin(q.From, hours), sums.Bin(q.To.Add(-1), hours)
	for bin := first; bin <= last; bin++ {
		out.Bins = append(out.Bins, Interval{From: sums.Begins(bin, hours)})
	}
	out.From, out.To, out.Note = out.Bins[0].From, sums.Begins(last+1, hours), note
	return out, hours, nil
}

// visible says which rows of which table the caller may have of what she asks for.
func (s *Throughputs) visible(ctx context.Context, by schemas.Principal, q *Query) (table, where string, args []any, err error) {
	table = "released"
	is := func(column, value string) {
		if value != "" {
			where, args = where+" AND "+column+" = ?", append(args, value)
		}
	}
	is("dataset", string(q.Dataset))
	is("agreement", string(q.Agreement))
	is("project", string(q.Project))
	is("provider", string(q.Provider))
	is("run", string(q.Run))
	if q.Run != "" {
		table = "released_run"
		_, err = s.Runs.Get(ctx, by, q.Run)
		if err != nil {
			return "", "", nil, err
		}
	}
	if q.Agreement != "" { // who may see it may see what was used of it, as its page says
		_, err = s.Agreements.Get(ctx, by, q.Agreement)
		return table, where, args, err
	}
	if agreement.Oversees(by) {
		return table, where, args, nil
	}
	or := " AND (participant = ? OR provider = ?"
	args = append(args, string(by.Participant), string(by.Participant))
	if q.Run != "" {
		ids, err := s.sharedIn(ctx, by, q.Run)
		if err != nil {
			return "", "", nil, err
		}
		if len(ids) > 0 {
			or += " OR agreement IN (?" + strings.Repeat(", ?", len(ids)-1) + ")"
			args = append(args, ids...)
		}
	}
	return table, where + or + ")", args, nil
}

// mostShared bounds how many agreements of a run are looked at.
const mostShared = 1000

// sharedIn gives the agreements of a run that the caller may see, as run.GetWithInputs has it.
func (s *Throughputs) sharedIn(ctx context.Context, by schemas.Principal, id schemas.RunID) (out []any, err error) {
	rows, err := s.Agreements.DB.Query(ctx, `SELECT DISTINCT agreement FROM released_run WHERE run = ? LIMIT ?`, string(id), mostShared)
	if err != nil {
		return nil, fmt.Errorf("look for the agreements of %s: %w", id, err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var one string
		err := rows.Scan(&one)
		if err != nil {
			return nil, fmt.Errorf("look for the agreements of %s: %w", id, err)
		}
		ids = append(ids, one)
	}
	if rows.Err() != nil {
		return nil, fmt.Errorf("look for the agreements of %s: %w", id, rows.Err())
	}
	for _, one := range ids {
		a, _, err := db.GetStored[schemas.Agreement](ctx, s.Agreements.DB, "agreement", one)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return nil, err
		}
		if err == nil && agreement.MaySee(by, &a) {
			out = append(out, one)
		}
	}
	return out, nil
}
