package report

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// naive is what uses should say of a dataset, counted from the records as the record gives them.
func naive(t *testing.T, s *site, dataset string, at int64) []string {
	t.Helper()
	type sum struct {
		versions, runs  map[string]bool
		n               [6]int64
		began, finished []time.Time
	}
	sums := map[string]*sum{}
	key := func(v map[string]string) string {
		return strings.Join([]string{v["participant"], v["project"], v["purpose"], v["agreement"]}, "|")
	}
	of := func(v map[string]string) *sum {
		x := sums[key(v)]
		if x == nil {
			x = &sum{versions: map[string]bool{}, runs: map[string]bool{}}
			sums[key(v)] = x
		}
		return x
	}
	begun := map[string]schemas.Record{}
	count := func(r schemas.Record, atMost bool, rows, bytes string) {
		x, k := of(r.Values), 0
		if atMost {
			k = 3
		}
		x.n[k], x.n[k+1], x.n[k+2] = x.n[k]+1, x.n[k+1]+r.Numbers[rows], x.n[k+2]+r.Numbers[bytes]
		x.versions[r.Values["version"]] = true
		if r.Values["run"] != "" {
			x.runs[r.Values["run"]] = true
		}
		x.began = append(x.began, r.At.Add(-time.Duration(r.Numbers["ms"])*time.Millisecond))
		x.finished = append(x.finished, r.At)
	}
	records, err := s.log.Records(t.Context(), audit.Query{At: at, Values: map[string]string{"dataset": dataset}, Limit: 10_000})
	agreementtest.Must(t, err)
	for _, r := range records {
		switch r.Kind {
		case schemas.ChangeAgreement:
			of(r.Values)
		case schemas.ChangeReleaseBegin:
			begun[r.Values["release"]] = r
		case schemas.ChangeReleaseEnd:
			delete(begun, r.Values["release"])
			state := schemas.Release{State: schemas.ReleaseState(r.Values["state"])}
			count(r, state.AtMost(), "rows", "bytes")
		}
	}
	for _, r := range begun {
		count(r, true, "most_rows", "most_bytes")
	}
	var out []string
	for k, x := range sums {
		line := []string{k}
		var versions []string
		for v := range x.versions {
			versions = append(versions, v)
		}
		slices.Sort(versions)
		line = append(line, strings.Join(versions, ", "), fmt.Sprint(len(x.runs)))
		for _, n := range x.n {
			line = append(line, fmt.Sprint(n))
		}
		first, last := "", ""
		if len(x.began) > 0 {
			slices.SortFunc(x.began, time.Time.Compare)
			slices.SortFunc(x.finished, time.Time.Compare)
			first, last = x.began[0].Format(time.DateOnly), x.finished[len(x.finished)-1].Format(time.DateOnly)
		}
		out = append(out, strings.Join(append(line, first, last), "|"))
	}
	slices.Sort(out)
	return out
}

// However many releases there are, of however many kinds and in whatever order they end, the report says what
// whoever counts by hand would say, as at any size.
func TestAgainstCounting(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		random := rand.New(rand.NewPCG(7, 11))
		states := []string{"complete", "cut", "broken", "abandoned", "unknown", "by-url"}
		var open []map[string]string
		agreementtest.Must(t, s.db.WriteBulk(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			for i := range 1500 { // some chunks
				s.clock = s.clock.Add(time.Duration(random.IntN(3)) * time.Hour)
				var c schemas.Change
				switch n := random.IntN(10); {
				case n == 0:
					c = schemas.Change{Kind: schemas.ChangeLease, Values: map[string]string{"dataset": "ds-a", "agreement": "agr-1"}}
				case n == 1:
					c = schemas.Change{Kind: schemas.ChangeAgreement, Values: map[string]string{"dataset": "ds-a", "agreement": fmt.Sprint("agr-", i),
						"participant": "https://p.example", "project": "p", "purpose": "research"}}
				case n < 5 && len(open) > 0:
					k := random.IntN(len(open))
					v := open[k]
					open = slices.Delete(open, k, k+1)
					v["state"] = states[random.IntN(len(states))]
					c = schemas.Change{Kind: schemas.ChangeReleaseEnd, Values: v, Numbers: map[string]int64{"rows": random.Int64N(1000),
						"bytes": random.Int64N(1 << 40), "ms": random.Int64N(100_000_000)}}
				default:
					v := map[string]string{"release": fmt.Sprint("rel-", i), "dataset": fmt.Sprint("ds-", string("ab"[random.IntN(2)])),
						"agreement": fmt.Sprint("agr-", random.IntN(4)), "participant": fmt.Sprintf("https://p%d.example", random.IntN(3)),
						"project": fmt.Sprint("p", random.IntN(2)), "purpose": "research", "version": fmt.Sprint("v", random.IntN(3))}
					if random.IntN(2) == 0 {
						v["run"] = fmt.Sprint("run-", random.IntN(5))
					}
					open = append(open, v)
					c = schemas.Change{Kind: schemas.ChangeReleaseBegin, Values: v, Numbers: map[string]int64{"most_rows": 1000, "most_bytes": 5}}
				}
				c.Subject, c.At = "x", s.clock
				_, err := tx.Append(ctx, c)
				if err != nil {
					return err
				}
			}
			return nil
		}))
		_, err := s.log.Checkpoint(t.Context())
		agreementtest.Must(t, err)
		for _, at := range []int64{1, 2, 100, 777, 1501} {
			for _, dataset := range []string{"ds-a", "ds-b"} {
				got := lines(t, s.made("uses", "dataset", dataset, "at", fmt.Sprint(at)), "uses")
				slices.Sort(got)
				same(t, fmt.Sprint(dataset, " as at ", at), naive(t, s, dataset, at), got)
			}
		}
	})
}

// Days: a release counts where it ended; one that went on past the last day is a bound; one that began before the
// first is not left out.
func TestDays(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	v := func(release string) []string {
		return []string{"release " + release, "dataset ds-a", "agreement agr-1", "participant https://lab.example", "project p", "purpose x", "version v1"}
	}
	begin := func(release string) {
		s.says(schemas.ChangeReleaseBegin, release, append(v(release), "most_rows=100", "most_bytes=100")...)
	}
	end := func(release string, hours int) {
		s.says(schemas.ChangeReleaseEnd, release, append(v(release), "state complete", "rows=7", "bytes=7", fmt.Sprintf("ms=%d", hours*3_600_000))...)
	}
	s.clock = time.Date(2026, 10, 31, 22, 0, 0, 0, time.UTC)
	begin("rel-1")                                           // 31 October, 23:00
	s.clock = s.clock.Add(3 * time.Hour)                     //
	end("rel-1", 4)                                          // 1 November, 03:00
	begin("rel-2")                                           //
	s.clock = time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC) //
	begin("rel-3")                                           // 30 November, 23:00
	end("rel-3", 1)                                          // 1 December, 00:00
	for _, c := range []struct {
		from, to string
		want     string
	}{
		{"", "", "2|14|14|1|100|100|2026-10-31|2026-12-01"},
		{"", "2026-11-01", "0|0|0|1|100|100|2026-10-31|2026-10-31"},
		{"2026-11-01", "2026-12-01", "1|7|7|2|200|200|2026-10-31|2026-11-30"},
		{"2026-12-01", "", "1|7|7|0|0|0|2026-11-30|2026-12-01"},
		{"2026-11-30T23:00:00Z", "2026-11-30T23:00:01Z", "0|0|0|1|100|100|2026-11-30|2026-11-30"},
		{"2027-01-01", "", "0|0|0|0|0|0||"},
	} {
		got := lines(t, s.made("uses", "dataset", "ds-a", "from", c.from, "to", c.to), "sums")
		same(t, c.from+" to "+c.to, []string{c.want}, got)
	}
	months := lines(t, s.made("project", "project", "p"), "months")
	same(t, "months", []string{"2026-11|1|7|7|1|100|100|2026-10-31|2026-11-01", "2026-12|1|7|7|0|0|0|2026-11-30|2026-12-01"}, months)
}

// A permit is active, ended or revoked by the time of the record's last entry, not of whoever looks.
func TestStates(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	until := s.clock.Add(10 * time.Hour)
	for _, id := range []string{"agr-1", "agr-2"} {
		s.says(schemas.ChangeAgreement, id, "agreement "+id, "dataset ds-a", "project p", "participant https://lab.example",
			"provider https://holder.example", fmt.Sprintf("until=%d", until.Unix()))
	}
	s.says(schemas.ChangeRevoke, "agr-2", "agreement agr-2", "dataset ds-a", "project p", "reason stop it")
	s.clock = until
	s.says(schemas.ChangeDatasetPut, "ds-z", "dataset ds-z")
	state := func(args ...string) (out []string) {
		for _, line := range lines(t, s.made("permits", args...), "permits") {
			cells := strings.Split(line, "|")
			out = append(out, strings.Join([]string{cells[2], cells[12], cells[13], cells[14]}, "|"))
		}
		return out
	}
	same(t, "before", []string{"agr-1|active||", "agr-2|active||"}, state("at", "3"))
	same(t, "revoked", []string{"agr-1|active||", "agr-2|revoked|2026-11-26|stop it"}, state("at", "4"))
	same(t, "ended", []string{"agr-1|ended||", "agr-2|revoked|2026-11-26|stop it"}, state())
	same(t, "granted by then, revoked later", []string{"agr-1|ended||", "agr-2|revoked|2026-11-26|stop it"}, state("to", "2026-11-26T02:00:00Z"))
	same(t, "of the project", state(), state("project", "p"))
	same(t, "of the dataset", state(), state("dataset", "ds-a"))
}

// A model may have come out of several runs: what went into them is told once, together.
func TestModelOfSeveralRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.released("rel-1", "agr-1", "ds-a", "run-1", "complete", 10)
	s.released("rel-2", "agr-1", "ds-a", "run-2", "complete", 20)
	s.released("rel-3", "agr-2", "ds-b", "run-2", "complete", 40)
	s.released("rel-4", "agr-2", "ds-b", "run-3", "complete", 80)
	for _, run := range []string{"run-1", "run-2"} {
		s.says(schemas.ChangeRun, run, "run "+run, "project p", "output model weights", "digest sha256:aa", "by https://lab.example")
	}
	s.says(schemas.ChangeRun, "run-3", "run run-3", "project p", "output model other", "digest sha256:bb", "by https://lab.example")
	d := s.made("training", "model", "sha256:aa")
	day := "|0|0|0|2026-11-26|2026-11-26"
	same(t, "datasets", []string{"ds-a|https://holder.example|2|30|240" + day, "ds-b|https://holder.example|1|40|320" + day}, lines(t, d, "datasets"))
	same(t, "sums", []string{"3|70|560" + day}, lines(t, d, "sums"))
	if d.Records.Count != 8 || len(d.Prompts) != 13 {
		t.Errorf("it stands on %d records, and asks %d times", d.Records.Count, len(d.Prompts))
	}
	for i := range mostRuns + 1 {
		s.says(schemas.ChangeRun, "x", fmt.Sprintf("run many-%d", i), "project p", "output model m", "digest sha256:cc")
	}
	_, err := s.make(agreementtest.Officer(), "training", "model", "sha256:cc")
	agreementtest.Refused(t, "of too many", err, schemas.TooLarge, "more than 100 runs")
}

// What was read after an output was named cannot have gone into it; an output that is no model says nothing of one.
func TestReadAfterTheOutput(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.released("rel-1", "agr-1", "ds-a", "run-1", "complete", 10)
	s.says(schemas.ChangeRun, "run-1", "run run-1", "project p", "output metrics rows", "digest sha256:aa", "by https://lab.example")
	s.released("rel-2", "agr-2", "ds-b", "run-1", "complete", 40)
	day := "|0|0|0|2026-11-26|2026-11-26"
	for _, args := range [][]string{{"model", "sha256:aa"}, {"run", "run-1"}} {
		d := s.made("training", args...)
		same(t, "datasets", []string{"ds-a|https://holder.example|1|10|80" + day}, lines(t, d, "datasets"))
		same(t, "sums", []string{"1|10|80" + day}, lines(t, d, "sums"))
		same(t, "later", []string{"ds-b|https://holder.example|run-1|1|40|320" + day}, lines(t, d, "later"))
		if no := len(d.Notes) > 0 && strings.Contains(d.Notes[0], "No run names this as a model"); no != (args[0] == "model") {
			t.Errorf("of %v it notes %q", args, d.Notes)
		}
	}
}

// Of what was agreed on and never read a report of processing says so; a report of what is nowhere says that.
func TestUnread(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	until := time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)
	for _, set := range []string{"ds-a", "ds-b"} {
		s.says(schemas.ChangeAgreement, "agr-"+set, "agreement agr-"+set, "dataset "+set, "project p", "participant https://lab.example", "purpose train-model",
			"provider https://holder.example", "factory f", fmt.Sprintf("until=%d", until.Unix()))
	}
	s.released("rel-1", "agr-ds-a", "ds-a", "", "complete", 10)
	same(t, "activities", []string{"train-model|https://holder.example|https://lab.example|p|f|ds-a|ds-b|1|10|80|0|0|0|2026-11-26|2026-11-26"},
		lines(t, s.made("processing"), "activities"))
	if last := strings.Split(lines(t, s.made("permits"), "permits")[0], "|")[11]; last != "2027-06-30" {
		t.Errorf("what ends as July begins ends on %s", last)
	}
	if d := s.made("uses", "dataset", "Winter wheat"); len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "names nothing of this") {
		t.Errorf("of no dataset at all: %q", d.Notes)
	}
}

// Whoever reviews has the last word, a request without an answer waits, and one that was asked on an earlier day is
// told as far as the days go.
func TestRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	ask := func(id, state string) {
		s.says(schemas.ChangeRequest, id, "request "+id, "dataset ds-a", "project p", "provider https://holder.example", "purpose x",
			"participant https://lab.example", "state "+state, "rules r")
	}
	review := func(id, decision string) {
		s.says(schemas.ChangeReview, id, "request "+id, "dataset ds-a", "project p", "decision "+decision)
	}
	ask("req-1", "pending")
	ask("req-2", "pending")
	ask("req-3", "granted")
	ask("req-4", "pending")
	s.says(schemas.ChangeRequestBack, "req-4", "request req-4", "dataset ds-a", "project p", "state withdrawn")
	s.clock = s.clock.Add(71 * time.Hour)
	review("req-1", "refuse")
	same(t, "requests", []string{
		"req-1|ds-a|https://holder.example|x|2026-11-26|refused|2026-11-29|76|r",
		"req-2|ds-a|https://holder.example|x|2026-11-26|pending|||r",
		"req-3|ds-a|https://holder.example|x|2026-11-26|granted|2026-11-26|0|r",
		"req-4|ds-a|https://holder.example|x|2026-11-26|withdrawn|||r",
	}, lines(t, s.made("project", "project", "p"), "requests"))
	review("req-1", "grant")
	same(t, "after another review", []string{"req-1|ds-a||||granted|2026-11-29||"},
		lines(t, s.made("project", "project", "p", "from", "2026-11-28"), "requests"))
	same(t, "refused", []string{"by who reviewed it|1|2026-11-29|2026-11-29"}, lines(t, s.made("refusals"), "requests"))
	same(t, "demand of later days", nil, lines(t, s.made("demand", "from", "2026-11-28"), "datasets"))
}

// What was withdrawn was asked, and neither waits nor was refused; a run that is ended began when it began.
func TestWithdrawnAndEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	for i := range 5 {
		id, who := fmt.Sprint("req-", i), fmt.Sprintf("participant https://lab-%d.example", i)
		s.says(schemas.ChangeRequest, id, "request "+id, "dataset ds-a", "project p", "provider https://holder.example", "purpose x", who,
			"state pending", "rules r")
		if i > 0 {
			s.says(schemas.ChangeRequestBack, id, "request "+id, "dataset ds-a", "project p", "state withdrawn")
		}
	}
	same(t, "demand", []string{"ds-a|https://holder.example|5|5|0|0|1"}, lines(t, s.made("demand"), "datasets"))
	same(t, "refused", nil, lines(t, s.made("refusals"), "requests"))
	s.says(schemas.ChangeRun, "run-1", "run run-1", "project p", "external night")
	s.clock = s.clock.Add(48 * time.Hour)
	s.says(schemas.ChangeRun, "run-1", "run run-1", "project p", "external night", "state ended")
	runs := lines(t, s.made("project", "project", "p"), "runs")
	if len(runs) != 1 || !strings.HasPrefix(runs[0], "run-1|night|2026-11-26|") {
		t.Errorf("the runs are %q", runs)
	}
}

// Where the name of a release was erased at its begin, that is said, and it stands nowhere twice; a leaf that is not
// as a log writes it counts nowhere.
func TestNameless(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.released("rel-1", "agr-1", "ds-a", "run-1", "complete", 10)
		s.released("rel-2", "agr-1", "ds-a", "run-1", "", 0)
		for _, index := range []int64{1, 3} {
			_, err := s.log.Erase(t.Context(), agreementtest.Officer(), index, []string{"release"}, "as the law demands")
			agreementtest.Must(t, err)
		}
		d := s.made("uses", "dataset", "ds-a")
		same(t, "sums", []string{"1|10|80|0|0|0|2026-11-26|2026-11-26"}, lines(t, d, "sums"))
		if len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "Of 2 begins") {
			t.Errorf("%v", d.Notes)
		}
		_, err := dbtest.Raw(t, s.at).Exec("UPDATE change SET kind = 'release.begin' WHERE position = 2")
		agreementtest.Must(t, err)
		same(t, "after the kind was edited", []string{"0|0|0|0|0|0||"}, lines(t, s.made("uses", "dataset", "ds-a"), "sums"))
	})
}

// A database that is away is said, whatever is read of it.
func TestAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	s.story()
	officer := agreementtest.Officer()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, k := range Kinds() {
		m, err := s.reports.begin(gone, officer, Ask{Name: k.Name, Parameters: map[string]string{"dataset": "ds-a", "project": "p", "run": "run-1",
			"size": "1", "seed": "x"}})
		if schemas.KindOf(err) == schemas.Invalid { // it has not all of these
			args := map[string]string{}
			for _, p := range k.Parameters {
				if p.Required || p.Name == "run" {
					args[p.Name] = map[string]string{"dataset": "ds-a", "project": "p", "run": "run-1", "size": "1", "seed": "x"}[p.Name]
				}
			}
			m, err = s.reports.begin(gone, officer, Ask{Name: k.Name, Parameters: args})
		}
		agreementtest.Must(t, err)
		m.query.At = 10
		if err := k.make(m); err == nil {
			t.Errorf("%s is made of nothing", k.Name)
		}
	}
	_, err := read(gone, s.db, chunk{[]int64{1}, []uint8{0}}, []string{schemas.ChangeRequest}, wanted{schemas.ChangeRequest: {"rules"}})
	if err == nil {
		t.Error("records of a database that is away")
	}
	m := &making{ctx: gone, db: s.db}
	if _, err := m.drawn(drawing{{index: 1}}); err == nil {
		t.Error("a sample of a database that is away")
	}
	if _, err := m.since("ds-a"); err == nil {
		t.Error("changes in a database that is away")
	}
}
