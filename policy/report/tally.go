package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"guichet/policy/audit"
	"guichet/schemas"
)

// amount is what releases sent. What is exact and what is only known as a bound stand apart: a sum of both
// would be neither.
type amount struct {
	streams, rows, bytes             int64
	mostStreams, mostRows, mostBytes int64
	first, last                      string // days
}

// flowColumns are the columns of an amount.
const flowColumns = " streams rows bytes streams_at_most rows_at_most bytes_at_most first last"

func (a *amount) cells() []Cell {
	return []Cell{number(a.streams), number(a.rows), number(a.bytes), number(a.mostStreams), number(a.mostRows), number(a.mostBytes),
		text(a.first), text(a.last)}
}

func (a *amount) add(f *flow) {
	if f.atMost {
		a.mostStreams, a.mostRows, a.mostBytes = a.mostStreams+1, a.mostRows+f.rows, a.mostBytes+f.bytes
	} else {
		a.streams, a.rows, a.bytes = a.streams+1, a.rows+f.rows, a.bytes+f.bytes
	}
	a.reach(f.begun)
	a.reach(f.ended)
}

// reach makes the days hold one more.
func (a *amount) reach(day string) {
	if day == "" {
		return
	}
	if a.first == "" || day < a.first {
		a.first = day
	}
	a.last = max(a.last, day)
}

// flow is one release, as its end says it, or its begin where it had not ended.
type flow struct {
	*record
	begin        int64  // the index of its begin; that of its end where the begin is not among what is read
	begun, ended string // days
	rows, bytes  int64
	atMost       bool
}

// waiting is a release that has not ended yet.
type waiting struct {
	index       int64
	begun       string
	rows, bytes int64
}

// flows tells each release that q chooses once, with the values named, and other records of its kinds by the
// way. Of a begin its name alone is read, unless nothing follows: then its most is told.
func (m *making) flows(q audit.Query, names []string, also wanted, told func(f *flow) error, other func(r *record) error) error {
	open, nameless := map[string]waiting{}, 0
	w := maps.Clone(also)
	if w == nil {
		w = wanted{}
	}
	w[schemas.ChangeReleaseBegin] = []string{"release"}
	w[schemas.ChangeReleaseEnd] = append([]string{"release", "state"}, names...)
	err := m.each(q, w, func(r *record) error {
		switch id := r.value("release"); {
		case r.leaf.kind == schemas.ChangeReleaseBegin && (id == Erased || id == Altered):
			nameless++
		case r.leaf.kind == schemas.ChangeReleaseBegin:
			open[id] = waiting{r.index, r.day(), r.leaf.number("most_rows"), r.leaf.number("most_bytes")}
		case r.leaf.kind == schemas.ChangeReleaseEnd:
			begin := r.index
			if w, is := open[id]; is {
				begin = w.index
			}
			delete(open, id)
			end := schemas.Release{State: schemas.ReleaseState(r.value("state"))}
			begun := r.leaf.at.Add(-time.Duration(r.leaf.number("ms")) * time.Millisecond).Format(time.DateOnly)
			return told(&flow{r, begin, begun, r.day(), r.leaf.number("rows"), r.leaf.number("bytes"), end.AtMost()})
		default:
			return other(r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if nameless > 0 {
		m.doc.Notes = append(m.doc.Notes, fmt.Sprintf("Of %d begins of releases the name was erased: those that had not ended are counted "+
			"nowhere.", nameless))
	}
	return m.unended(open, names, told)
}

// unended tells the releases that had not ended.
func (m *making) unended(open map[string]waiting, names []string, told func(f *flow) error) error {
	left := slices.SortedFunc(maps.Values(open), func(a, b waiting) int { return int(min(1, max(-1, a.index-b.index))) })
	for part := range slices.Chunk(left, inChunk) {
		at := make([]int64, len(part))
		for i, x := range part {
			at[i] = x.index
		}
		kind := schemas.ChangeReleaseBegin
		records, err := read(m.ctx, m.db, chunk{at, make([]uint8, len(at))}, []string{kind}, wanted{kind: names})
		if err != nil {
			return err
		}
		for i := range records {
			err := told(&flow{&records[i], part[i].index, part[i].begun, "", part[i].rows, part[i].bytes, true})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// mostGroups bounds the rows of a table.
const mostGroups = 100_000

// groups are rows that are made while records pass, by what they are of. The zero value is none.
type groups[T any] struct {
	rows map[string]*T
	keys map[string][]string
}

// of is the row of a key. Errors: TooLarge.
func (g *groups[T]) of(key ...string) (*T, error) {
	name := strings.Join(key, "\x00")
	if have := g.rows[name]; have != nil {
		return have, nil
	}
	if g.rows == nil {
		g.rows, g.keys = map[string]*T{}, map[string][]string{}
	}
	if len(g.rows) == mostGroups {
		return nil, &schemas.Error{Kind: schemas.TooLarge, Subject: "report", Remedy: "name days: from and to",
			Message: fmt.Sprintf("the report would have more than %d rows", mostGroups)}
	}
	made := new(T)
	g.rows[name], g.keys[name] = made, slices.Clone(key)
	return made, nil
}

// cells makes the rows of a table: first the key of each, then what cells gives.
func (g *groups[T]) cells(cells func(row *T) []Cell) [][]Cell {
	var out [][]Cell
	for _, name := range slices.Sorted(maps.Keys(g.rows)) {
		var row []Cell
		for _, k := range g.keys[name] {
			row = append(row, text(k))
		}
		out = append(out, append(row, cells(g.rows[name])...))
	}
	return out
}

// names are a set of texts, told as a list.
type names map[string]bool

const mostNames = 50 // of a list in one cell

func (s *names) add(name string) {
	if name == "" {
		return
	}
	if *s == nil {
		*s = names{}
	}
	(*s)[name] = true
}

func (s names) cell() Cell {
	all := slices.Sorted(maps.Keys(s))
	if more := len(all) - mostNames; more > 0 {
		all = append(all[:mostNames], fmt.Sprintf("and %d more", more))
	}
	return text(strings.Join(all, ", "))
}
