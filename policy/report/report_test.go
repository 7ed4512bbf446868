package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// site is a record and what makes reports of it.
type site struct {
	t       *testing.T
	db      *db.DB
	log     *audit.Log
	reports *Reports
	at      string    // the database's address
	clock   time.Time // of what is recorded
}

func newSite(t *testing.T, kind string) *site {
	t.Helper()
	skey, _, err := audit.NewKey("guichet-test")
	agreementtest.Must(t, err)
	url := dbtest.URL(t, kind)
	database := dbtest.OpenURL(t, url)
	s := &site{t: t, db: database, at: url, clock: time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)}
	s.log, err = audit.New(database, skey, filepath.Join(t.TempDir(), "head"), nil)
	agreementtest.Must(t, err)
	database.OnGroup(s.log.Step)
	dbtest.Run(t, database)
	agreementtest.Must(t, s.log.Start(t.Context()))
	s.reports = New(database, s.log)
	return s
}

// each runs a test on each kind of database.
func onEach(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f(t, newSite(t, kind))
		})
	}
}

// says records a change an hour after the one before: values as "name value" pairs, numbers as "name=1".
func (s *site) says(kind, subject string, facts ...string) int64 {
	s.t.Helper()
	s.clock = s.clock.Add(time.Hour)
	c := schemas.Change{Kind: kind, Subject: subject, At: s.clock, Values: map[string]string{}, Numbers: map[string]int64{}}
	for _, f := range facts {
		name, value, is := strings.Cut(f, "=")
		if !strings.Contains(name, " ") && is {
			n := int64(0)
			_, err := fmt.Sscan(value, &n)
			agreementtest.Must(s.t, err)
			c.Numbers[name] = n
			continue
		}
		name, value, _ = strings.Cut(f, " ")
		c.Values[name] = value
	}
	var at *db.Position
	agreementtest.Must(s.t, s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		var err error
		at, err = tx.Append(ctx, c)
		return err
	}))
	return at.Value()
}

// released records a release: its begin, and its end unless state is "".
func (s *site) released(id, agreement, dataset, run, state string, rows int) {
	s.t.Helper()
	v := []string{"release " + id, "agreement " + agreement, "dataset " + dataset, "participant https://lab.example", "project p", "version v1",
		"table data", "split train", "provider https://holder.example", "purpose train-model", "factory f", "action train"}
	if run != "" {
		v = append(v, "run "+run)
	}
	s.says(schemas.ChangeReleaseBegin, id, append(v, "most_rows=1000", "most_bytes=8000")...)
	if state != "" {
		s.says(schemas.ChangeReleaseEnd, id, append(v, "state "+state, fmt.Sprintf("rows=%d", rows), fmt.Sprintf("bytes=%d", 8*rows), "ms=3600000")...)
	}
}

// story is what all tests tell: two datasets, of which one was asked for, granted, read and revoked, and
// one refused; a run with a model; refusals at the door.
func (s *site) story() {
	s.t.Helper()
	about := func(dataset string, more ...string) []string {
		return append([]string{"dataset " + dataset, "project p", "participant https://lab.example", "provider https://holder.example",
			"purpose train-model"}, more...)
	}
	s.says(schemas.ChangeDatasetPut, "ds-a", "dataset ds-a", "provider https://holder.example", "by https://holder.example", "revision=1")
	s.says(schemas.ChangeRequest, "req-1", about("ds-a", "request req-1", "state pending", "rules offer.review", "by https://lab.example")...)
	s.says(schemas.ChangeRequest, "req-1", about("ds-b", "request req-1", "state refused", "rules space.health", "by https://lab.example")...)
	s.says(schemas.ChangeReview, "req-1", about("ds-a", "request req-1", "decision grant", "reason fine", "by https://holder.example")...)
	s.says(schemas.ChangeAgreement, "agr-1", about("ds-a", "agreement agr-1", "permit req-1", "action train", "factory f", "rules offer.review",
		"terms 00ff", "by https://holder.example", fmt.Sprintf("until=%d", s.clock.AddDate(1, 0, 0).Unix()))...)
	s.says(schemas.ChangeRun, "run-1", "run run-1", "project p", "factory f", "external slurm-7", "by https://lab.example")
	s.released("rel-1", "agr-1", "ds-a", "run-1", "complete", 100)
	s.released("rel-2", "agr-1", "ds-a", "run-1", "abandoned", 30)
	s.released("rel-3", "agr-1", "ds-a", "", "by-url", 500)
	s.released("rel-4", "agr-1", "ds-a", "run-1", "", 0)
	s.says(schemas.ChangeRun, "run-1", "run run-1", "project p", "output model weights", "digest sha256:aa", "by https://lab.example")
	s.says(schemas.ChangeRefusal, "agr-1", "rule agreement.place", "participant https://lab.example", "subject i#ada", "about agr-1")
	s.says(schemas.ChangeRefusal, "agr-1", "rule agreement.place", "participant https://lab.example", "subject i#ada", "about agr-1", "more=4")
	s.says(schemas.ChangeRevoke, "agr-1", about("ds-a", "agreement agr-1", "reason =HYPERLINK(1)", "by https://holder.example")...)
}

// make makes a report; args are names and values, at is given as one of them.
func (s *site) make(by schemas.Principal, name string, args ...string) (*Document, error) {
	ask := Ask{Name: name, Parameters: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "at" {
			_, err := fmt.Sscan(args[i+1], &ask.At)
			agreementtest.Must(s.t, err)
			continue
		}
		ask.Parameters[args[i]] = args[i+1]
	}
	return s.reports.Make(s.t.Context(), by, ask)
}

// made is make for an officer, which must come to something.
func (s *site) made(name string, args ...string) *Document {
	s.t.Helper()
	d, err := s.make(agreementtest.Officer(), name, args...)
	agreementtest.Must(s.t, err)
	return d
}

// lines are a table's rows, cells parted by bars.
func lines(t *testing.T, d *Document, table string) (out []string) {
	t.Helper()
	is, err := d.Table(table)
	agreementtest.Must(t, err)
	for _, row := range is.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = c.String()
		}
		if len(row) != len(is.Columns) {
			t.Errorf("%s: %d cells under %d columns", table, len(row), len(is.Columns))
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// Every report tells the story, table by table: exact sums and bounds apart, no name where none may be.
func TestReports(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.story()
		flow := "2|130|1040|2|1500|12000|2026-11-26|2026-11-26"
		for _, c := range []struct {
			report string
			args   []string
			table  string
			want   []string
		}{
			{"uses", []string{"dataset", "ds-a"}, "uses", []string{"https://lab.example|p|train-model|agr-1|v1|1|" + flow}},
			{"uses", []string{"dataset", "ds-a"}, "sums", []string{flow}},
			{"uses", []string{"dataset", "ds-b"}, "uses", nil},
			{"permits", nil, "permits", []string{"5|req-1|agr-1|https://lab.example|p|train-model|train|ds-a|https://holder.example|f|2026-11-26|" +
				"2027-11-26|revoked|2026-11-26|=HYPERLINK(1)|offer.review|00ff"}},
			{"permits", []string{"project", "q"}, "permits", nil},
			{"project", []string{"project", "p"}, "requests", []string{
				"req-1|ds-a|https://holder.example|train-model|2026-11-26|granted|2026-11-26|2|offer.review",
				"req-1|ds-b|https://holder.example|train-model|2026-11-26|refused|2026-11-26|0|space.health"}},
			{"project", []string{"project", "p"}, "agreements",
				[]string{"agr-1|ds-a|train-model|2026-11-26|2027-11-26|revoked|2026-11-26|=HYPERLINK(1)"}},
			{"project", []string{"project", "p"}, "months", []string{"2026-11|" + flow}},
			{"project", []string{"project", "p"}, "sums", []string{flow}},
			{"project", []string{"project", "p"}, "runs", []string{"|||0|0|0|1|500|4000|2026-11-26|2026-11-26",
				"run-1|slurm-7|2026-11-26|2|130|1040|1|1000|8000|2026-11-26|2026-11-26"}},
			{"project", []string{"project", "p"}, "outputs", []string{"run-1|model weights|sha256:aa|2026-11-26"}},
			{"training", []string{"run", "run-1"}, "inputs",
				[]string{"ds-a|https://holder.example|v1|data|train|train-model|2|130|1040|1|1000|8000|2026-11-26|2026-11-26"}},
			{"training", []string{"model", "sha256:aa"}, "datasets",
				[]string{"ds-a|https://holder.example|2|130|1040|1|1000|8000|2026-11-26|2026-11-26"}},
			{"training", []string{"model", "sha256:aa"}, "outputs", []string{"model weights|sha256:aa|run-1|p|2026-11-26"}},
			{"training", []string{"run", "run-1"}, "sums", []string{"2|130|1040|1|1000|8000|2026-11-26|2026-11-26"}},
			{"processing", nil, "activities", []string{"train-model|https://holder.example|https://lab.example|p|f|ds-a||" + flow}},
			{"processing", nil, "erasures", nil},
			{"refusals", nil, "rules", []string{"agreement.place|5|2026-11-26|2026-11-26"}},
			{"refusals", nil, "requests", []string{"space.health|1|2026-11-26|2026-11-26"}},
			{"refusals", []string{"to", "2026-11-26"}, "rules", nil},
			{"uses", []string{"dataset", "ds-a", "from", "2027-01-01"}, "uses", nil},
			{"demand", nil, "datasets", []string{"(others)||fewer than 5||||"}},
		} {
			same(t, fmt.Sprint(c.report, c.args, c.table), c.want, lines(t, s.made(c.report, c.args...), c.table))
		}
		for _, name := range []string{"refusals", "demand"} {
			b, err := s.made(name).JSON()
			agreementtest.Must(t, err)
			for _, who := range []string{"ada", "lab.example"} {
				if strings.Contains(string(b), who) {
					t.Errorf("%s names %s: %s", name, who, b)
				}
			}
		}
	})
}

// A report as at a checkpoint is the same bytes, whatever was recorded since, and says what it stands on.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.story()
		type kept struct {
			args []string
			size int64
			json []byte
		}
		var all []kept
		for _, args := range [][]string{{"uses", "dataset", "ds-a"}, {"permits"}, {"project", "project", "p"}, {"training", "run", "run-1"},
			{"processing"}, {"refusals"}, {"demand"}, {"sample", "size", "2", "seed", "7"}} {
			d := s.made(args[0], args[1:]...)
			b, err := d.JSON()
			agreementtest.Must(t, err)
			all = append(all, kept{args, d.Checkpoint.Size, b})
		}
		s.story() // all of it again
		s.released("rel-9", "agr-1", "ds-a", "run-1", "complete", 7)
		for _, k := range all {
			d := s.made(k.args[0], append(k.args[1:], "at", fmt.Sprint(k.size))...)
			b, err := d.JSON()
			agreementtest.Must(t, err)
			if diff := cmp.Diff(string(k.json), string(b)); diff != "" {
				t.Errorf("%v as at %d is another one (-was +is):\n%s", k.args, k.size, diff)
			}
			later, err := s.made(k.args[0], k.args[1:]...).JSON()
			agreementtest.Must(t, err)
			if bytes.Equal(later, b) {
				t.Errorf("%v does not see what was recorded since", k.args)
			}
		}
		d := s.made("refusals", "at", "16")
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte("2\n3\n4\n15\n")))
		if d.Checkpoint.Size != 16 || d.Records.Count != 4 || d.Records.Digest != digest {
			t.Errorf("as at 16: %+v", d)
		}
		same(t, "ranges", []string{"[[2 4] [15 15]]"}, []string{fmt.Sprint(d.Records.Ranges)})
	})
}

// Who reads what: officers all, others what concerns them, an outsider nothing, a stranger is refused.
func TestRights(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	outsider := agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer, schemas.RoleProvider)
	for _, args := range [][]string{{"uses", "dataset", "ds-a"}, {"permits"}, {"project", "project", "p"}, {"training", "run", "run-1"}} {
		d, err := s.make(outsider, args[0], args[1:]...)
		agreementtest.Must(t, err)
		b, err := d.JSON()
		agreementtest.Must(t, err)
		if d.Records.Count != 0 || d.For != "https://two.example" || strings.Contains(string(b), "lab.example") || strings.Contains(string(b), "agr-1") {
			t.Errorf("an outsider reads %v: %s", args, b)
		}
		for _, by := range []schemas.Principal{agreementtest.Trainer(), agreementtest.Owner()} {
			d, err := s.make(by, args[0], args[1:]...)
			agreementtest.Must(t, err)
			if d.Records.Count == 0 || d.For != string(by.Participant) {
				t.Errorf("%s reads %d records of %v, for %q", by.Subject, d.Records.Count, args, d.For)
			}
		}
		_, err = s.make(schemas.Principal{}, args[0], args[1:]...)
		agreementtest.Refused(t, "a stranger", err, schemas.Unauthenticated)
		_, err = s.make(schemas.Principal{Issuer: "i", Subject: "lost"}, args[0], args[1:]...)
		agreementtest.Refused(t, "of no participant", err, schemas.Denied, "officer")
	}
	for _, args := range [][]string{{"processing"}, {"refusals"}, {"demand"}, {"sample", "size", "1", "seed", "x"}} {
		for _, by := range []schemas.Principal{agreementtest.Trainer(), agreementtest.Owner(), agreementtest.Operator()} {
			_, err := s.make(by, args[0], args[1:]...)
			agreementtest.Refused(t, by.Subject+" "+args[0], err, schemas.Denied, "read the report "+args[0]+" needs the role officer")
		}
	}
}

// Parameters that are wanting, unknown or wrong are refused by name.
func TestParameters(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	for _, c := range []struct {
		args []string
		kind schemas.Kind
		text string
	}{
		{[]string{"none"}, schemas.NotFound, `there is no report "none"`},
		{[]string{"uses"}, schemas.Invalid, "[dataset: the report uses needs it: id of a dataset"},
		{[]string{"uses", "dataset", "x", "run", "y"}, schemas.Invalid, `[run: the report uses has no parameter "run"`},
		{[]string{"uses", "dataset", strings.Repeat("x", 600)}, schemas.Invalid, "[dataset: this is more than 512 bytes"},
		{[]string{"refusals", "from", "soon"}, schemas.Invalid, `[from: "soon" is not a day`},
		{[]string{"refusals", "from", "2026-11-26", "to", "2026-11-25"}, schemas.Invalid, "[from: from is after to"},
		{[]string{"refusals", "at", "9999"}, schemas.Invalid, "[at: no head of 9999 records was signed yet"},
		{[]string{"refusals", "at", "-1"}, schemas.Invalid, "[at: "},
		{[]string{"training"}, schemas.Invalid, "[run: name either a run or a model"},
		{[]string{"training", "run", "run-1", "model", "sha256:aa"}, schemas.Invalid, "[run: name either a run or a model"},
		{[]string{"training", "model", "sha256:bb"}, schemas.NotFound, "no run of yours names an output sha256:bb by then"},
		{[]string{"sample", "size", "0", "seed", "x"}, schemas.Invalid, "[size: "},
		{[]string{"sample", "size", "1001", "seed", "x"}, schemas.Invalid, "[size: "},
		{[]string{"sample", "size", "ten", "seed", "x"}, schemas.Invalid, `"ten" is no number of releases`},
	} {
		_, err := s.make(agreementtest.Officer(), c.args[0], c.args[1:]...)
		agreementtest.Refused(t, fmt.Sprint(c.args), err, c.kind, c.text)
	}
}

// What was erased is shown as erased, what was altered as that, and neither as what it was.
func TestErased(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.story()
		d := s.made("uses", "dataset", "ds-a")
		end := int64(0)
		records, err := s.log.Records(t.Context(), audit.Query{Kinds: []string{schemas.ChangeReleaseEnd}, Limit: 1})
		agreementtest.Must(t, err)
		end = records[0].Index
		_, err = s.log.Erase(t.Context(), agreementtest.Officer(), end, []string{"participant", "run"}, "as the law demands")
		agreementtest.Must(t, err)
		again := s.made("uses", "dataset", "ds-a", "at", fmt.Sprint(d.Checkpoint.Size))
		same(t, "uses", []string{"(erased)|p|train-model|agr-1|v1|1|1|100|800|0|0|0|2026-11-26|2026-11-26",
			"https://lab.example|p|train-model|agr-1|v1|1|1|30|240|2|1500|12000|2026-11-26|2026-11-26"}, lines(t, again, "uses"))
		same(t, "erasures", []string{"participant,run|1"}, []string{strings.Join(strings.Split(lines(t, s.made("processing"), "erasures")[0], "|")[:2], "|")})
		_, err = dbtest.Raw(t, s.at).Exec("UPDATE change_value SET value = 'https://evil.example' WHERE value = 'https://lab.example'")
		agreementtest.Must(t, err)
		b, err := s.made("uses", "dataset", "ds-a").JSON()
		agreementtest.Must(t, err)
		if strings.Contains(string(b), "evil.example") || !strings.Contains(string(b), Altered) {
			t.Errorf("a value that was edited is believed: %s", b)
		}
	})
}
