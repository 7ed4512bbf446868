package report

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/connectors/db"
	"guichet/policy/audit"
	"guichet/schemas"
)

const (
	inChunk = 500        // records that are read at once
	readers = 2          // chunks
	mostOf  = 20_000_000 // records of one report: 8 bytes each are held
)

// Words in the place of values that are not there any more.
const (
	Erased  = "(erased)"
	Altered = "(does not verify)"
)

// record is one entry with the values that its report wants.
type record struct {
	index  int64
	leaf   leaf
	names  []string // wanted of its kind
	values []string
}

// value is one of the wanted; "" where the record has none, Erased or Altered in the place of what it had.
func (r *record) value(name string) string {
	for i, n := range r.names {
		if n == name {
			return r.values[i]
		}
	}
	return ""
}

func (r *record) day() string { return r.leaf.at.Format(time.DateOnly) }

// wanted are the values that are read, by kind of record: a report opens no more.
type wanted map[string][]string

func (w wanted) kinds() (out []string) {
	for _, k := range schemas.ChangeKinds() { // always in the same order
		if _, is := w[k]; is {
			out = append(out, k)
		}
	}
	return out
}

// each calls f with the records that q chooses, of the kinds that are wanted, in their order. Errors:
// TooLarge; those of the database.
func each(ctx context.Context, database *db.DB, q audit.Query, w wanted, f func(r *record) error) error {
	q.Kinds = w.kinds()
	// Chunks are read two at once, while the next are being found, and told in their order: a reader waits until
	// its own is taken. Whoever finds them never waits: readers need a connection too, and it holds one.
	g, ctx := errgroup.WithContext(ctx)
	found := make(chan chunk, mostOf/inChunk+1)
	next := make(chan chan []record, readers)
	g.Go(func() error {
		defer close(found)
		return find(ctx, database, q, found)
	})
	g.Go(func() error {
		defer close(next)
		for c := range found {
			done := make(chan []record, 1)
			select {
			case next <- done:
			case <-ctx.Done():
				return nil // whoever ended it says why
			}
			g.Go(func() error {
				records, err := read(ctx, database, c, q.Kinds, w)
				done <- records
				return err
			})
		}
		return nil
	})
	g.Go(func() error {
		for done := range next {
			records := <-done
			for i := range records {
				if records[i].leaf.values == nil {
					continue // it is not as a log writes it, and counts nowhere: a verification says so
				}
				err := f(&records[i])
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return g.Wait()
}

// chunk is where records are that are read at once, and which of the wanted kinds each is of.
type chunk struct {
	at    []int64
	kinds []uint8
}

// find sends where the records are that q chooses, in their order.
func find(ctx context.Context, database *db.DB, q audit.Query, found chan<- chunk) error {
	n, c := 0, chunk{}
	err := positions(ctx, database, q, func(position int64, kind string) error {
		if n == mostOf {
			return &schemas.Error{Kind: schemas.TooLarge, Subject: "report", Remedy: "name days: from and to",
				Message: fmt.Sprintf("the report would stand on more than %d records", mostOf)}
		}
		n++
		c.at, c.kinds = append(c.at, position), append(c.kinds, uint8(max(0, slices.Index(q.Kinds, kind))))
		if len(c.at) == inChunk {
			found <- c
			c = chunk{make([]int64, 0, inChunk), make([]uint8, 0, inChunk)}
		}
		return nil
	})
	if err == nil && len(c.at) > 0 {
		found <- c
	}
	return err
}

// positions calls f with those of the records that q chooses, in their order. Errors: those of f and of the database.
func positions(ctx context.Context, database *db.DB, q audit.Query, f func(position int64, kind string) error) error {
	where, args := q.Where()
	rows, err := database.Query(ctx, "SELECT position, kind FROM change WHERE "+where+" ORDER BY position", args...)
	if err != nil {
		return fmt.Errorf("find records: %w", err)
	}
	defer rows.Close()
	var b sql.RawBytes
	kind := "" // most are of the same as the one before
	for rows.Next() {
		var position int64
		err := rows.Scan(&position, &b)
		if err != nil {
			return fmt.Errorf("find records: %w", err)
		}
		if kind != string(b) {
			kind = string(b)
		}
		err = f(position, kind)
		if err != nil {
			return err
		}
	}
	err = rows.Err()
	if err != nil {
		return fmt.Errorf("find records: %w", err)
	}
	return nil
}

// read reads the leaves at some positions, and the values that are wanted of their kinds: one query for
// each kind, and one row for each record, since a row costs as much as ten of its columns.
func read(ctx context.Context, database *db.DB, c chunk, all []string, w wanted) ([]record, error) {
	out := make([]record, len(c.at))
	of := make([][]int64, len(all))
	for i, position := range c.at {
		kind := c.kinds[i]
		out[i].index, out[i].names = position, w[all[kind]]
		of[kind] = append(of[kind], position)
	}
	for k, at := range of {
		if len(at) == 0 {
			continue
		}
		err := readKind(ctx, database, all[k], w[all[k]], at, out)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
	}
	return out, nil
}

// readKind reads the records of a kind at some positions into their places.
func readKind(ctx context.Context, database *db.DB, kind string, names []string, at []int64, into []record) error {
	var columns, joins strings.Builder
	args := make([]any, len(names), len(names)+1)
	for i, n := range names {
		args[i] = n
		fmt.Fprintf(&columns, ", v%d.salt, v%[1]d.value", i)
		fmt.Fprintf(&joins, " LEFT JOIN change_value v%d ON v%[1]d.position = c.position AND v%[1]d.name = ?", i)
	}
	rows, err := database.Query(ctx, "SELECT c.position, c.leaf"+columns.String()+" FROM change c"+joins.String()+
		" WHERE c.kind = ? AND "+among(at)+" ORDER BY c.position", append(args, kind)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var position int64
	var b sql.RawBytes
	salts, values := make([]sql.RawBytes, len(names)), make([]sql.RawBytes, len(names))
	dest := []any{&position, &b}
	for i := range names {
		dest = append(dest, &salts[i], &values[i])
	}
	known, i := map[string]string{}, 0 // most values of a chunk are the same
	for rows.Next() {
		err := rows.Scan(dest...)
		if err != nil {
			return err
		}
		for i < len(into)-1 && into[i].index < position {
			i++
		}
		if into[i].index != position {
			continue // among them, and none of them
		}
		r, ok := &into[i], false
		r.leaf, ok = readLeaf(b)
		if !ok || r.leaf.kind != kind {
			r.leaf.values = nil
			continue
		}
		r.values = make([]string, len(names))
		for k, name := range names {
			r.values[k] = r.opened(name, salts[k], values[k], known)
		}
		r.leaf.numbers, r.leaf.values = bytes.Clone(r.leaf.numbers), []byte{} // the row's memory is the next one's
	}
	return rows.Err()
}

// opened is a stored value, if it opens its commitment; known are texts that were made already.
func (r *record) opened(name string, salt, value []byte, known map[string]string) string {
	switch {
	case value == nil && !r.leaf.commits(name):
		return ""
	case value == nil:
		return Erased
	}
	text, is := known[string(value)]
	if !is {
		text = string(value)
		known[text] = text
	}
	if !r.leaf.opens(name, salt, text) {
		return Altered
	}
	return text
}

// among is a condition that holds for the changes at some positions, and where they lie close together for those
// between them too: a list is looked up one by one.
func among(at []int64) string {
	first, last := at[0], at[len(at)-1]
	if last-first < int64(4*len(at)) {
		return fmt.Sprintf("c.position BETWEEN %d AND %d", first, last)
	}
	b := append(make([]byte, 0, 8*len(at)), "c.position IN ("...)
	for i, n := range at {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ')'))
}
