package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/indexes"
	"guichet/schemas"
)

const (
	defaultLimit = 100
	maxLimit     = 10_000
)

// Query chooses records. The zero Query is the first hundred of all.
type Query struct {
	From, To time.Time         // From ≤ time < To; zero: open
	Kinds    []string          // any of them; none: all
	Values   map[string]string // all of them, by name: dataset, participant, project, agreement …
	About    string            // participant that provides, receives or did it; "": everybody
	After    int64             // index of the first record to look at: the last one's index + 1
	Newest   bool              // newest first, of those that At leaves
	Limit    int               // at most; 0: 100, and never more than 10,000
	At       int64             // the record as it was with so many entries; 0: as it is
}

// Records gives records in the order of their indices, or in the other one. Kind, time and numbers
// come from the leaf. A value whose commitment does not verify is left out of
// Values while its salt stays in Salts: that is its flag, and Verify's fault.
// A value that was erased is in neither.
func (l *Log) Records(ctx context.Context, q Query) ([]schemas.Record, error) {
	q.Limit = min(cmp.Or(max(q.Limit, 0), defaultLimit), maxLimit)
	where, args := q.Where()
	order := map[bool]string{true: " DESC"}[q.Newest]
	rows, err := l.db.Query(ctx, "SELECT position, kind, at, leaf FROM change WHERE "+where+" ORDER BY position"+order+" LIMIT ?",
		append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	defer rows.Close()
	var out []schemas.Record
	for rows.Next() {
		var r schemas.Record
		var at int64
		if err := rows.Scan(&r.Index, &r.Kind, &at, &r.Leaf); err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		r.At = time.UnixMicro(at).UTC()
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	return out, l.open(ctx, out)
}

// Where is the query as a condition on the table change, with its arguments.
func (q Query) Where() (string, []any) {
	parts, args := []string{"position >= ?"}, []any{q.After}
	if q.At > 0 {
		parts, args = append(parts, "position < ?"), append(args, q.At)
	}
	if !q.From.IsZero() {
		parts, args = append(parts, "at >= ?"), append(args, q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		parts, args = append(parts, "at < ?"), append(args, q.To.UnixMicro())
	}
	for i, k := range q.Kinds {
		if i == 0 {
			parts = append(parts, "kind IN (?"+strings.Repeat(", ?", len(q.Kinds)-1)+")")
		}
		args = append(args, k)
	}
	if len(q.Kinds) > 0 && !slices.ContainsFunc(q.Kinds, indexes.IsFrequent) { // then there is an index of them
		parts = append(parts, indexes.LookedUpSubjects)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Values)) {
		indexed := ""
		if indexes.FindsValues(name) {
			indexed = " AND " + indexes.LookedUpValues
		}
		is, these := indexes.IsValue(q.Values[name])
		parts = append(parts, "position IN (SELECT position FROM change_value WHERE name = ? AND "+is+indexed+")")
		args = append(append(args, name), these...)
	}
	if q.About != "" {
		is, these := indexes.IsValue(q.About)
		parts = append(parts, "position IN (SELECT position FROM change_value WHERE name IN ('provider', 'participant', 'by') AND "+is+
			" AND "+indexes.LookedUpValues+")")
		args = append(args, these...)
	}
	return strings.Join(parts, " AND "), args
}

// IsAbout says whether a record is about a participant, as Query.About chooses: it
// provides, receives, or did it itself.
func IsAbout(r schemas.Record, participant string) bool {
	return participant != "" &&
		(r.Values["provider"] == participant || r.Values["participant"] == participant || r.Values["by"] == participant)
}

// open reads the values of records and fills what verifies.
func (l *Log) open(ctx context.Context, records []schemas.Record) error {
	at := make(map[int64]int, len(records))
	leaves := make([]db.Leaf, len(records))
	for i := range records {
		r := &records[i]
		at[r.Index] = i
		leaf, err := db.ParseLeaf(r.Leaf)
		if err != nil {
			continue // Verify's to say; no value of it verifies
		}
		leaves[i] = leaf
		r.Kind, r.At = leaf.Kind, leaf.At
		if len(leaf.Numbers) > 0 {
			r.Numbers = leaf.Numbers
		}
	}
	for rest := records; len(rest) > 0; {
		chunk := rest[:min(inChunk, len(rest))]
		rest = rest[len(chunk):]
		args := make([]any, len(chunk))
		for i := range chunk {
			args[i] = chunk[i].Index
		}
		err := eachValue(ctx, l.db, "position IN (?"+strings.Repeat(", ?", len(chunk)-1)+")", args,
			func(position int64, name string, salt []byte, value string) {
				r, leaf := &records[at[position]], leaves[at[position]]
				if r.Salts == nil {
					r.Values, r.Salts = map[string]string{}, map[string][]byte{}
				}
				r.Salts[name] = salt
				if leaf.Opens(name, salt, value) {
					r.Values[name] = value
					r.Subject = r.Values[db.SubjectValue]
					return
				}
				l.log.Warn("value of a record does not verify", "index", position, "name", name)
			})
		if err != nil {
			return fmt.Errorf("read records: %w", err)
		}
	}
	return nil
}

// eachValue calls f for the stored values that where chooses, by position and name.
func eachValue(
	ctx context.Context, q db.Querier, where string, args []any, f func(position int64, name string, salt []byte, value string),
) error {
	rows, err := q.Query(ctx, "SELECT position, name, salt, value FROM change_value WHERE "+where+" ORDER BY position, name", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var position int64
		var name, value string
		var salt []byte
		if err := rows.Scan(&position, &name, &salt, &value); err != nil {
			return err
		}
		f(position, name, salt, value)
	}
	return rows.Err()
}
