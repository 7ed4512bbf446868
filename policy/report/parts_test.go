package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/stop"
	"guichet/policy/audit"
	"guichet/schemas"
)

// Sums of a report are those of the releases themselves, as the code that opens streams writes them: whole
// ones, cut ones, one that still runs, one by URL.
func TestSumsOfReleases(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		w := agreementtest.New(t, s.db, 0, 0)
		releases := release.New(release.Config{Agreements: w.Agreements, Brake: stop.NewBrake(s.db, nil), Replica: "test"})
		var exact, most schemas.Release
		for i, state := range []schemas.ReleaseState{schemas.ReleaseComplete, schemas.ReleaseCut, schemas.ReleaseByURL, schemas.ReleaseOpen,
			schemas.ReleaseUnknown, schemas.ReleaseAbandoned} {
			a := w.Agree(t, schemas.DatasetID(fmt.Sprint("ds-", i%2)), nil)
			g, err := w.Grant(agreementtest.Lease(a.ID), "run-a")
			agreementtest.Must(t, err)
			r, paid, err := releases.Begin(ctx, g, schemas.Release{MostRows: 1000, MostBytes: 9000}, release.ReadPlan{})
			agreementtest.Must(t, err)
			r.State, r.Rows, r.Bytes = state, int64(100+i), int64(1000+i)
			if state == schemas.ReleaseOpen {
				r.Rows, r.Bytes = r.MostRows, r.MostBytes
			} else {
				agreementtest.Must(t, releases.End(ctx, r, paid))
			}
			if i%2 > 0 {
				continue
			}
			sum := &exact
			if r.AtMost() {
				sum = &most
			}
			sum.Rows, sum.Bytes, sum.Batches = sum.Rows+r.Rows, sum.Bytes+r.Bytes, sum.Batches+1
		}
		all, _, err := releases.List(ctx, agreementtest.Officer(), release.Query{}, "", 100)
		agreementtest.Must(t, err)
		var stored schemas.Release
		for _, r := range all {
			if r.Dataset == "ds-0" && !r.AtMost() {
				stored.Rows, stored.Bytes = stored.Rows+r.Rows, stored.Bytes+r.Bytes
			}
		}
		want := fmt.Sprintf("%d|%d|%d|%d|%d|%d", exact.Batches, stored.Rows, stored.Bytes, most.Batches, most.Rows, most.Bytes)
		if got := lines(t, s.made("uses", "dataset", "ds-0"), "sums")[0]; !strings.HasPrefix(got, want) || stored.Rows != exact.Rows {
			t.Errorf("the report sums %s, the releases %s", got, want)
		}
		if got := s.made("training", "run", "run-a"); got.Records.Count == 0 || len(lines(t, got, "datasets")) != 2 {
			t.Errorf("of the run: %+v", got)
		}
	})
}

// An auditor draws the same releases again, by the same seed and checkpoint; others by other ones; each with its
// end, and anybody can draw them by hand.
func TestSample(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.story()
		for i := range 30 {
			s.released(fmt.Sprint("rel-x", i), fmt.Sprint("agr-", i%3), "ds-a", "", []string{"complete", "by-url", ""}[i%3], i)
		}
		d := s.made("sample", "size", "10", "seed", "auditor 7")
		first := lines(t, d, "sample")
		same(t, "population", []string{"34|10"}, lines(t, d, "population"))
		same(t, "where no table is named", first, lines(t, d, ""))
		s.story()
		again := s.made("sample", "size", "10", "seed", "auditor 7", "at", fmt.Sprint(d.Checkpoint.Size))
		same(t, "again", first, lines(t, again, "sample"))
		for _, other := range [][]string{{"size", "10", "seed", "auditor 8", "at", fmt.Sprint(d.Checkpoint.Size)}, {"size", "10", "seed", "auditor 7"}} {
			if slices.Equal(first, lines(t, s.made("sample", other...), "sample")) {
				t.Errorf("%v draws the same", other)
			}
		}
		records, err := s.log.Records(t.Context(), audit.Query{At: d.Checkpoint.Size, Kinds: []string{schemas.ChangeReleaseBegin}, Limit: 1000})
		agreementtest.Must(t, err)
		slices.SortFunc(records, func(a, b schemas.Record) int {
			x, y := lot(d.Checkpoint.Root, "auditor 7", a.Index), lot(d.Checkpoint.Root, "auditor 7", b.Index)
			return bytes.Compare(x[:], y[:])
		})
		var want, got []string
		for _, r := range records[:10] {
			want = append(want, fmt.Sprint(r.Index))
		}
		for _, line := range first {
			cells := strings.Split(line, "|")
			got = append(got, cells[0])
			switch state := cells[13]; {
			case state == "complete" && (cells[12] == "" || cells[14] == ""):
				t.Errorf("without its end: %s", line)
			case state != "complete" && state != "abandoned" && cells[14] != "":
				t.Errorf("a bound stands among what is exact: %s", line)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		same(t, "by hand", want, got)
		if len(lines(t, s.made("sample", "size", "1000", "seed", "x"), "sample")) != 38 {
			t.Error("more than there are: not all are drawn")
		}
	})
}

// Tables as CSV are safe for spreadsheets, whatever texts the record holds, and whole.
func TestCSV(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	hostile := []string{"=1+1", "+1", "-1", "@x", "\tx", "\rx", "a,b\"c\nd", "\u202eevil", "<script>", "ordinary"}
	for i, h := range hostile {
		s.says(schemas.ChangeRefusal, "x", "rule "+h, "participant https://lab.example", fmt.Sprint("more=", i+1))
	}
	table, err := s.made("refusals").Table("rules")
	agreementtest.Must(t, err)
	var b bytes.Buffer
	agreementtest.Must(t, table.CSV(&b))
	rows, err := csv.NewReader(&b).ReadAll()
	agreementtest.Must(t, err)
	if len(rows) != len(hostile)+1 || strings.Join(rows[0], ",") != "rule,refusals,first,last" {
		t.Fatalf("%d rows: %v", len(rows), rows)
	}
	for _, row := range rows[1:] {
		if strings.ContainsAny(row[0][:1], "=+-@\t\r") || strings.Contains(row[0], "\u202e") || strings.Contains(row[0], "\n") {
			t.Errorf("a spreadsheet runs %q", row[0])
		}
	}
	for in, want := range map[string]string{"": "", "x=1": "x=1", "=x": "'=x", "\tx": `\tx`, "é": "é",
		"Acme;=x": "Acme;'=x", `a; "@x;b`: `a; "'@x;b`, "＝x": "'＝x", "a-b; c": "a-b; c"} {
		if got := Safe(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	_, err = s.made("refusals").Table("none")
	agreementtest.Refused(t, "no table", err, schemas.Invalid, "there are rules, requests")
}

// A document is read back as it was written, numbers whole.
func TestCells(t *testing.T) {
	t.Parallel()
	d := Document{Report: "uses", Tables: []Table{{Name: "x", Rows: [][]Cell{{text("a"), number(1 << 60), {}}, {text("b\"<"), number(-3), text("")}}}}}
	b, err := d.JSON()
	agreementtest.Must(t, err)
	var back Document
	agreementtest.Must(t, json.Unmarshal(b, &back))
	again, err := back.JSON()
	agreementtest.Must(t, err)
	if !bytes.Equal(b, again) || !strings.Contains(string(b), "1152921504606846976") || !strings.Contains(string(b), `b\"\u003c`) {
		t.Errorf("%s\n%s", b, again)
	}
	if n, is := back.Tables[0].Rows[0][1].Number(); !is || n != 1<<60 {
		t.Error(n)
	}
	back.Shorten(1)
	if len(back.Tables[0].Rows) != 1 || back.Tables[0].LeftOut != 1 {
		t.Errorf("%+v", back.Tables[0])
	}
	if json.Unmarshal([]byte(`{"tables":[{"rows":[[true]]}]}`), &back) == nil {
		t.Error("a truth is no cell")
	}
}

// A leaf that is read in place says what the whole parser says.
func TestLeaf(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	records, err := s.log.Records(t.Context(), audit.Query{Limit: 1000})
	agreementtest.Must(t, err)
	for _, r := range records {
		l, ok := readLeaf(r.Leaf)
		if !ok || l.kind != r.Kind || !l.at.Equal(r.At) || l.number("none") != 0 || l.commits("none") {
			t.Errorf("%d: %+v", r.Index, l)
		}
		for name, n := range r.Numbers {
			if l.number(name) != n {
				t.Errorf("%d: %s is %d, want %d", r.Index, name, l.number(name), n)
			}
		}
		for name, v := range r.Values {
			if !l.commits(name) || !l.opens(name, r.Salts[name], v) || l.opens(name, r.Salts[name], v+"x") || l.opens(name, nil, v) {
				t.Errorf("%d: %s does not open", r.Index, name)
			}
		}
		for cut := range len(r.Leaf) { // whatever of it is missing, nothing goes wrong
			if l, ok := readLeaf(r.Leaf[:cut]); ok {
				l.number("rows")
				l.opens("dataset", make([]byte, db.SaltBytes), "x")
			}
		}
	}
	l, ok := readLeaf([]byte(`{"at":"2026-11-30T00:00:00.000000Z","kind":"x","numbers":{"a":-5},"v":1,"values":{}}`))
	if !ok || l.number("a") != -5 {
		t.Errorf("%+v", l)
	}
	for _, bad := range []string{"", "{}", `{"at":"soon","kind":"x","numbers":{},"v":1,"values":{}}`, `{"at":"2026-11-30T00:00:00.000000Z"}`} {
		if _, ok := readLeaf([]byte(bad)); ok {
			t.Errorf("%q is a leaf", bad)
		}
	}
}

func FuzzLeaf(f *testing.F) {
	whole := db.Leaf{At: time.Unix(1, 0).UTC(), Kind: "release.end", Numbers: map[string]int64{"rows": 7, "ms": -1},
		Values: map[string][32]byte{"dataset": db.Commitment(make([]byte, db.SaltBytes), "dataset", "ds-1")}}
	f.Add(whole.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, ok := readLeaf(b)
		p, err := db.ParseLeaf(b)
		if err != nil {
			return // it is in no log
		}
		if !ok || l.kind != p.Kind || !l.at.Equal(p.At) {
			t.Fatalf("%+v, want %+v", l, p)
		}
		for name, n := range p.Numbers {
			if l.number(name) != n {
				t.Errorf("%s is %d, want %d", name, l.number(name), n)
			}
		}
		for name := range p.Values {
			if !l.commits(name) {
				t.Errorf("%s is missing", name)
			}
		}
	})
}

// Demand tells groups of five organisations and more, and smaller ones together.
func TestSmallGroups(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	ask := func(dataset, purpose string, organisations int, state, rules string) {
		for i := range organisations {
			s.says(schemas.ChangeRequest, "x", fmt.Sprintf("request req-%s-%s-%d", dataset, purpose, i), "dataset "+dataset, "provider https://holder.example",
				fmt.Sprintf("participant https://p%d.example", i), "purpose "+purpose, "state "+state, "rules "+rules)
		}
	}
	ask("ds-a", "research", 6, "granted", "offer §1")
	ask("ds-a", "marketing", 5, "refused", "eu.marketing")
	ask("ds-b", "research", 4, "refused", "offer §2")
	d := s.made("demand")
	same(t, "datasets", []string{"ds-a|https://holder.example|6|11|6|5|0", "(others)||fewer than 5||||"}, lines(t, d, "datasets"))
	same(t, "purposes", []string{"marketing|5|5|0|5|0", "research|6|10|6|4|0"}, lines(t, d, "purposes"))
	same(t, "reasons", []string{"eu.marketing|5|5|0|5|0", "(others)|fewer than 5||||"}, lines(t, d, "reasons"))
	ask("ds-c", "statistics", 5, "pending", "offer.review")
	ask("ds-d", "teaching", 2, "pending", "offer.review")
	same(t, "more", []string{"ds-a|https://holder.example|6|11|6|5|0", "ds-c|https://holder.example|5|5|0|0|5", "(others)||fewer than 5||||"},
		lines(t, s.made("demand"), "datasets"))
	for i := range 9 { // many small ones are one large group
		s.says(schemas.ChangeRequest, "x", fmt.Sprintf("request one-%d", i), fmt.Sprintf("dataset ds-one-%d", i), "provider https://holder.example",
			fmt.Sprintf("participant https://q%d.example", i), "purpose research", "state granted", "rules x")
	}
	rows := lines(t, s.made("demand"), "datasets")
	same(t, "others", []string{"(others)||13|15|9|4|2"}, rows[len(rows)-1:])
}

// What the catalogue says now stands in tables that say so, only where it is wanted, and whether it changed since.
func TestBeside(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	describe := func(_ context.Context, id schemas.DatasetID) (schemas.Dataset, error) {
		if id != "ds-a" {
			return schemas.Dataset{}, schemas.Errorf(schemas.NotFound, string(id), "hidden")
		}
		return schemas.Dataset{ID: id, Title: schemas.Text{"en": "<b>Wheat</b>"}, Space: "agriculture", Licences: []string{"CC-BY-4.0", "ODbL-1.0"},
			RDF: "<> healthdcatap:healthCategory <https://hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories/MRMR>, " +
				"<https://hdeu-dcat.data.health.europa.eu/resource/authority/healthcategories/EHRS> .\n",
			From: "2020", Tables: []schemas.TableInfo{{Fields: []schemas.Field{{Sensitivity: schemas.SensitivityQuasi}, {}}},
				{Objects: true, Media: []string{"image/png", "application/dicom", "audio/flac"}}}}, nil
	}
	for _, c := range []struct {
		name  string
		args  map[string]string
		table string
		want  string
	}{
		{"training", map[string]string{"run": "run-1"}, "described", "ds-a|<b>Wheat</b>|agriculture|CC-BY-4.0, ODbL-1.0|2020||audio, image, other, tabular|1|as then"},
		{"permits", nil, "described", "ds-a|<b>Wheat</b>|agriculture|CC-BY-4.0, ODbL-1.0|2020||audio, image, other, tabular|1|EHRS, MRMR|as then"},
		{"demand", nil, "spaces", "(others)|fewer than 5||||"},
		{"demand", nil, "sought", "soil moisture|agriculture|40|3|2026-11-30"},
	} {
		ask := Ask{Name: c.name, Parameters: c.args, Dataset: describe, Sought: func(context.Context) ([]Sought, error) {
			return []Sought{{"soil moisture", "agriculture", 40, 3, "2026-11-30"}}, nil
		}}
		d, err := s.reports.Make(t.Context(), agreementtest.Officer(), ask)
		agreementtest.Must(t, err)
		same(t, c.name, []string{c.want}, lines(t, d, c.table))
		now, err := d.Table(c.table)
		agreementtest.Must(t, err)
		if now.Source != OfNow {
			t.Errorf("%s says it is of the %s", c.name, now.Source)
		}
		for _, table := range s.made(c.name, pairs(c.args)...).Tables {
			if table.Source == OfNow {
				t.Errorf("%s holds what nobody asked for: %s", c.name, table.Name)
			}
		}
		if c.name != "training" {
			continue
		}
		at := d.Checkpoint.Size
		s.says(schemas.ChangeDatasetPut, "ds-a", "dataset ds-a", "provider https://holder.example", "revision=2")
		ask.At = at
		d, err = s.reports.Make(t.Context(), agreementtest.Officer(), ask)
		agreementtest.Must(t, err)
		if got := lines(t, d, c.table)[0]; !strings.HasSuffix(got, "|changed since") {
			t.Error(got)
		}
	}
	_, err := s.reports.Make(t.Context(), agreementtest.Officer(), Ask{Name: "permits",
		Dataset: func(context.Context, schemas.DatasetID) (schemas.Dataset, error) {
			return schemas.Dataset{}, schemas.Errorf(schemas.Unavailable, "x", "away")
		}})
	agreementtest.Refused(t, "the catalogue is away", err, schemas.Unavailable)
	_, err = s.reports.Make(t.Context(), agreementtest.Officer(), Ask{Name: "demand", Sought: func(context.Context) ([]Sought, error) {
		return nil, schemas.Errorf(schemas.Unavailable, "x", "away")
	}})
	agreementtest.Refused(t, "the counts are away", err, schemas.Unavailable)
}

func pairs(m map[string]string) (out []string) {
	for k, v := range m {
		out = append(out, k, v)
	}
	return out
}

// Long lists and many ranges are bounded, and say how much they leave out.
func TestBounds(t *testing.T) {
	t.Parallel()
	var n names
	n.add("")
	for i := range 60 {
		n.add(fmt.Sprintf("v%02d", i))
	}
	if got := n.cell().String(); !strings.HasSuffix(got, "v49, and 10 more") || strings.Contains(got, "v50") {
		t.Error(got)
	}
	var at []int64
	different := map[int64]bool{}
	for i := range int64(3000) {
		at = append(at, 2*i, 2*i, 7*i+1)
		different[2*i], different[7*i+1] = true, true
	}
	s := stand(at)
	if len(s.Ranges) != mostRanges || s.LeftOut == 0 || s.Count != int64(len(different)) {
		t.Errorf("%d ranges, %d left out, %d records", len(s.Ranges), s.LeftOut, s.Count)
	}
	if s := stand(nil); s.Count != 0 || s.Ranges == nil {
		t.Errorf("%+v", s)
	}
	var g groups[often]
	for i := range mostGroups {
		_, err := g.of("x", fmt.Sprint(i))
		agreementtest.Must(t, err)
	}
	_, err := g.of("x", "7")
	agreementtest.Must(t, err)
	_, err = g.of("y")
	agreementtest.Refused(t, "one row more", err, schemas.TooLarge, "more than 100000 rows")
}

// A caller has one report made at a time, and others theirs meanwhile; who goes away waits for none.
func TestTurns(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	done, err := s.reports.turns.Take(t.Context(), agreementtest.Officer())
	agreementtest.Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.reports.Make(ctx, agreementtest.Officer(), Ask{Name: "refusals"})
	if err == nil || ctx.Err() == nil {
		t.Error(err)
	}
	s.reports.most = time.Millisecond
	_, err = s.make(agreementtest.Officer(), "refusals")
	agreementtest.Refused(t, "a second one", err, schemas.Busy, "each caller has one at a time")
	s.reports.most = mostWait
	_, err = s.make(agreementtest.Trainer(), "permits")
	agreementtest.Must(t, err)
	done()
	s.made("refusals")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := each(ended, s.db, audit.Query{}, wanted{schemas.ChangeRequest: {"rules"}}, func(*record) error { return nil }); err == nil {
		t.Error("who went away is told")
	}
	stop := fmt.Errorf("enough")
	err = each(t.Context(), s.db, audit.Query{}, wanted{schemas.ChangeRequest: {"rules"}}, func(*record) error { return stop })
	if err != stop { //nolint:errorlint // the same one
		t.Error(err)
	}
}

// Many are read at once over fewer connections: who finds the records of one never waits for who reads them, as
// that needs a connection too.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const releases = 2 * inChunk
	database := filled(t, dbtest.SQLite, releases)
	var g errgroup.Group
	for range 24 {
		g.Go(func() error {
			n, last := 0, int64(-1)
			err := each(t.Context(), database, audit.Query{}, wanted{schemas.ChangeReleaseEnd: {"release"}, schemas.ChangeReleaseBegin: nil},
				func(r *record) error {
					if r.index <= last {
						return fmt.Errorf("%d is told behind %d", r.index, last)
					}
					n, last = n+1, r.index
					return nil
				})
			if err == nil && n != 2*releases {
				err = fmt.Errorf("%d records are told of %d", n, 2*releases)
			}
			return err
		})
	}
	agreementtest.Must(t, g.Wait())
}

// Every report is listed with what it says and needs, and every title is a sentence's beginning.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		if k.Title == "" || !strings.HasSuffix(k.Says, ".") || k.make == nil {
			t.Errorf("%+v", k)
		}
		for _, p := range k.Parameters {
			if p.Says == "" {
				t.Errorf("%s does not say what %s is", k.Name, p.Name)
			}
		}
	}
	q := Ask{At: 7, Parameters: map[string]string{"dataset": "ds-a", "from": "2026-11-01", "run": ""}}.Query()
	if q.At != 7 || len(q.Values) != 1 || q.Values["dataset"] != "ds-a" {
		t.Errorf("%+v", q)
	}
}
