package report

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// every is one ask of each report that the story has an answer for.
func every() [][]string {
	return [][]string{
		{"uses", "dataset", "ds-a"},
		{"permits"},
		{"project", "project", "p"},
		{"training", "run", "run-1"},
		{"training", "model", "sha256:aa"},
		{"processing"},
		{"refusals"},
		{"demand"},
		{"sample", "size", "3", "seed", "7"},
	}
}

// Under each column stands what its type says, in every table of every report.
func TestColumns(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	day := regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	for _, args := range every() {
		for _, table := range s.made(args[0], args[1:]...).Tables {
			seen := map[string]bool{}
			for _, c := range table.Columns {
				if seen[c.Name] || c.Title == "" || strings.Contains(c.Title, "_") {
					t.Errorf("%s %s: column %+v", args[0], table.Name, c)
				}
				seen[c.Name] = true
			}
			for _, row := range table.Rows {
				for i, c := range row {
					_, isNumber := c.Number()
					switch {
					case c.String() == "" || strings.HasPrefix(c.String(), "fewer than"):
					case isNumber != (table.Columns[i].Type == TypeInteger):
						t.Errorf("%s %s: %q under %+v", args[0], table.Name, c, table.Columns[i])
					case table.Columns[i].Type == TypeDay && !day.MatchString(c.String()):
						t.Errorf("%s %s: %q is no day", args[0], table.Name, c)
					}
				}
			}
		}
	}
}

// What the record cannot know is asked in every report, each thing once.
func TestPrompts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for line := range strings.Lines(prompts) {
		if strings.Count(line, " | ") != 2 {
			t.Errorf("%q is no prompt", line)
		}
	}
	n := 0
	for _, k := range Kinds() {
		list := promptsOf(k.Name)
		if len(list) == 0 {
			t.Errorf("%s asks nothing", k.Name)
		}
		for _, p := range list {
			if n++; seen[p.ID] || !strings.HasSuffix(p.Text, ".") {
				t.Errorf("%+v", p)
			}
			seen[p.ID] = true
		}
	}
	if n != strings.Count(prompts, "\n") {
		t.Errorf("%d of %d prompts are of a report", n, strings.Count(prompts, "\n"))
	}
}

// Hostile names group as they are, and a document with them is JSON that says them.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	hostile := []string{`"],"x":["`, "<script>", "a|b", "\u202e", "(erased)", "'; DROP TABLE change; --", strings.Repeat("x", 3000), "é\u0301"}
	for i, h := range hostile {
		v := []string{"release " + fmt.Sprint(i), "dataset " + h, "agreement " + h, "participant " + h, "project " + h, "purpose " + h, "version " + h}
		s.says(schemas.ChangeReleaseBegin, "x", append(v, "most_rows=9")...)
		s.says(schemas.ChangeReleaseEnd, "x", append(v, "state complete", fmt.Sprintf("rows=%d", i))...)
	}
	for i, h := range hostile {
		if len(h) > 512 {
			_, err := s.make(agreementtest.Officer(), "uses", "dataset", h)
			agreementtest.Refused(t, "a long id", err, schemas.Invalid)
			continue
		}
		d, err := s.make(agreementtest.Officer(), "uses", "dataset", h)
		if schemas.KindOf(err) == schemas.Invalid { // it is no text that an id may be
			continue
		}
		agreementtest.Must(t, err)
		b, err := d.JSON()
		agreementtest.Must(t, err)
		var back Document
		agreementtest.Must(t, json.Unmarshal(b, &back))
		row := back.Tables[0].Rows
		if len(row) != 1 || row[0][0].String() != h || row[0][7].String() != fmt.Sprint(i) {
			t.Errorf("%q: %s", h, b)
		}
	}
	if got := len(lines(t, s.made("processing"), "activities")); got != len(hostile) {
		t.Errorf("%d groups", got)
	}
}

// Thousands of releases that never ended are bounds, every one of them.
func TestManyOpen(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		const n = 2*inChunk + 7
		agreementtest.Must(t, s.db.WriteBulk(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			for i := range n {
				c := changesOf(i)[0]
				c.At = s.clock
				_, err := tx.Append(ctx, c)
				if err != nil {
					return err
				}
			}
			return nil
		}))
		_, err := s.log.Checkpoint(t.Context())
		agreementtest.Must(t, err)
		d := s.made("uses", "dataset", benchDataset)
		same(t, "sums", []string{fmt.Sprintf("0|0|0|%d|%d|%d|2026-11-25|2026-11-25", n, 100*n, 4000*n)}, lines(t, d, "sums"))
		if d.Records.Count != n || len(d.Records.Ranges) != 1 {
			t.Errorf("%+v", d.Records)
		}
	})
}

// Only so many datasets are described, and that is said.
func TestManyDescribed(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	var sets names
	for i := range mostDescribed + 1 {
		sets.add(fmt.Sprintf("ds-%04d", i))
	}
	m := &making{ctx: t.Context(), db: s.db, doc: &Document{}}
	m.ask.Dataset = func(_ context.Context, id schemas.DatasetID) (schemas.Dataset, error) {
		return schemas.Dataset{ID: id}, nil
	}
	agreementtest.Must(t, m.describe(sets))
	if len(m.doc.Tables[0].Rows) != mostDescribed || len(m.doc.Notes) != 1 {
		t.Errorf("%d described, %v", len(m.doc.Tables[0].Rows), m.doc.Notes)
	}
}

// Made at the same time, reports are the same as one after another.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.story()
		size := fmt.Sprint(s.made("refusals").Checkpoint.Size)
		want := map[int]string{}
		for i, args := range every() {
			b, err := s.made(args[0], append(args[1:], "at", size)...).JSON()
			agreementtest.Must(t, err)
			want[i] = string(b)
		}
		var all sync.WaitGroup
		for i, args := range append(every(), every()...) {
			all.Go(func() {
				d, err := s.make(agreementtest.Officer(), args[0], append(args[1:], "at", size)...)
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := d.JSON(); err != nil || string(b) != want[i%len(want)] {
					t.Errorf("%v is another one: %v", args, err)
				}
			})
		}
		all.Wait()
	})
}
