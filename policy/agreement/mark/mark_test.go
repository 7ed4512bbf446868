package mark

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// world is a registry of a trial: what is decided depends on the dataset as it stands, on
// who asks and for what, on who is registered, and on the time.
type world struct {
	mu       sync.Mutex
	sets     map[schemas.DatasetID]schemas.Dataset
	changes  []db.News
	factory  bool // is registered
	decided  int
	read     int
	during   func() // while something is decided
	spent    bool   // budgets
	pretends int64  // of the head; 0: it is true
}

func (w *world) Newest(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(int64(len(w.changes)), w.pretends), nil
}

func (w *world) News(_ context.Context, from int64, limit int) ([]db.News, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.changes[min(from, int64(len(w.changes))):min(from+int64(limit), int64(len(w.changes)))]), nil
}

// change changes a world with a record of it.
func (w *world) change(kind, subject string, change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if change != nil {
		change()
	}
	w.changes = append(w.changes, db.News{Position: int64(len(w.changes)), Kind: kind, Subject: subject})
}

// put changes a dataset.
func (w *world) put(id schemas.DatasetID, change func(d *schemas.Dataset)) {
	w.change(schemas.ChangeDatasetOffer, string(id), func() {
		d := w.sets[id]
		d.ID = id
		change(&d)
		d.Revision++
		w.sets[id] = d
	})
}

// verdict is what deciding on one dataset gives: the words of its title say how.
func (w *world) verdict(f *policy.Attributes, d *schemas.Dataset) schemas.Decision {
	dec := schemas.Decision{Verdict: schemas.VerdictNo, Digest: fmt.Sprint(d.ID, d.Revision, f.Purpose)}
	switch d.Title["en"] {
	case "open":
		dec.Verdict = schemas.VerdictYes
	case "review":
		dec.Verdict = schemas.VerdictReview
	case "factory":
		if w.factory {
			dec.Verdict = schemas.VerdictYes
		}
	case "dated":
		turn := time.Unix(1000, 0)
		if f.Now.Before(turn) {
			dec.Verdict, dec.ValidUntil = schemas.VerdictYes, turn
		}
	case "budget":
		dec.Verdict, dec.Left = schemas.VerdictYes, &schemas.Left{}
		if w.spent {
			dec.Verdict = schemas.VerdictNo
		}
	}
	if f.Participant.Stopped || f.Project.ID != "" && (f.Now.Before(f.Project.From) || !f.Project.Until.IsZero() && !f.Now.Before(f.Project.Until)) {
		dec.Verdict = schemas.VerdictNo
	}
	return dec
}

func (w *world) decider(f *policy.Attributes) decider {
	return func(sets []*schemas.Dataset) (out []schemas.Decision, err error) {
		w.mu.Lock()
		for _, d := range sets {
			out = append(out, w.verdict(f, d))
		}
		w.decided += len(sets)
		during := w.during
		w.mu.Unlock()
		if during != nil {
			during()
		}
		return out, nil
	}
}

func (w *world) reader(sight schemas.Sight) reader {
	return func(ids []schemas.DatasetID) (out []*schemas.Dataset, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.read += len(ids)
		for _, id := range ids {
			if d, ok := w.sets[id]; ok && sight.Sees(&d) {
				out = append(out, &d)
			}
		}
		return out, nil
	}
}

func newWorld(n int) *world {
	w := &world{sets: map[schemas.DatasetID]schemas.Dataset{}}
	for i := range n {
		w.put(schemas.DatasetID(fmt.Sprintf("ds-%d", i)), func(d *schemas.Dataset) {
			d.Title, d.Provider = schemas.Text{"en": "open"}, "https://p.example"
			d.Latest = &schemas.VersionSummary{Version: "v1"}
		})
	}
	return w
}

// asks gives the marks that a memo gives, and those that deciding anew would.
func (w *world) asks(t testing.TB, m *Memo, f policy.Attributes, sight schemas.Sight, ids []schemas.DatasetID) (got, want []schemas.Mark) {
	t.Helper()
	got, err := m.Marks(t.Context(), &f, sight, ids, w.reader(sight), w.decider(&f))
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		d, ok := w.sets[id]
		if !ok || !sight.Sees(&d) {
			want = append(want, "")
			continue
		}
		dec := w.verdict(&f, &d)
		want = append(want, Of(&d, &dec))
	}
	return got, want
}

func someone() policy.Attributes {
	return policy.Attributes{Participant: schemas.Participant{ID: "https://a.example", Revision: 1}, Purpose: "research", Now: time.Unix(500, 0)}
}

// What is remembered is what deciding anew gives, whatever is changed, hidden, withdrawn,
// stopped, registered or revoked between two questions, by whoever asks, at any time.
func TestMarksAreNeverStale(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 26))
	w := newWorld(12)
	m := New(w, 60)
	everyone := schemas.Sight{Everyone: true}
	fs := []policy.Attributes{someone(), someone(), someone(), {Now: time.Unix(500, 0)}}
	fs[1].Purpose, fs[2].Project = "marketing", schemas.Project{ID: "p", Revision: 1, From: time.Unix(400, 0), Until: time.Unix(900, 0)}
	sights := []schemas.Sight{everyone, {Everyone: true, SignedIn: true}, {Everyone: true, SignedIn: true, Participant: "https://p.example"}}
	var ids []schemas.DatasetID
	for i := range 14 { // two of which are none
		ids = append(ids, schemas.DatasetID(fmt.Sprintf("ds-%d", i)))
	}
	for step := range 4000 {
		id := ids[r.IntN(12)]
		switch r.IntN(14) {
		case 0:
			w.put(id, func(d *schemas.Dataset) {
				d.Title = schemas.Text{"en": []string{"open", "review", "no", "factory", "dated", "budget"}[r.IntN(6)]}
			})
		case 1:
			w.put(id, func(d *schemas.Dataset) {
				d.Visibility = []schemas.Visibility{"", schemas.VisibleToOwn, schemas.VisibleToSignedIn}[r.IntN(3)]
			})
		case 2:
			w.put(id, func(d *schemas.Dataset) { d.Withdrawn = !d.Withdrawn })
		case 3:
			w.change(schemas.ChangeParty, "factory/x", func() { w.factory = !w.factory })
		case 4: // a bar: the participant is another revision from then on
			w.change(schemas.ChangeStopped, "participant", func() {
				fs[0].Participant.Stopped = !fs[0].Participant.Stopped
				fs[0].Participant.Revision++
			})
		case 5:
			w.change(schemas.ChangeParty, "project/p", func() {
				fs[2].Project.Until = time.Unix(int64(500+r.IntN(1000)), 0)
				fs[2].Project.Revision++
			})
		case 6: // a stream ends: only budgets know
			w.change(schemas.ChangeReleaseEnd, "x", func() { w.spent = !w.spent })
		case 7:
			w.change([]string{schemas.ChangeRevoke, "something.new", schemas.ChangeRefusal}[r.IntN(3)], "x", nil)
		case 8: // also back, as clocks go
			now := time.Unix(int64(300+r.IntN(900)), 0)
			for i := range fs {
				fs[i].Now = now
			}
		}
		f, sight := fs[r.IntN(len(fs))], sights[r.IntN(len(sights))]
		if r.IntN(3) == 0 {
			checkDecisions(t, w, m, f)
		}
		if got, want := w.asks(t, m, f, sight, ids); !slices.Equal(got, want) {
			t.Fatalf("step %d: %v, want %v", step, got, want)
		}
		if m.size > 60 {
			t.Fatalf("%d answers are remembered", m.size)
		}
	}
	if w.decided > 4000*14*2/3 {
		t.Errorf("%d were decided: nothing is remembered", w.decided)
	}
}

// checkDecisions holds remembered decisions against fresh ones.
func checkDecisions(t *testing.T, w *world, m *Memo, f policy.Attributes) {
	t.Helper()
	var sets []*schemas.Dataset
	var want []schemas.Decision
	for _, d := range w.sets {
		sets = append(sets, &d)
		want = append(want, w.verdict(&f, &d))
	}
	got, err := m.Decisions(t.Context(), &f, sets, w.decider(&f))
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("%v (-want +got)\n%s", err, cmp.Diff(want, got))
	}
}

// What changes while it is decided is not remembered as it was: a withdrawn offer, a bar.
func TestChangesMeanwhile(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"offer": func(w *world) { w.put("ds-0", func(d *schemas.Dataset) { d.Title = schemas.Text{"en": "no"} }) },
		"party": func(w *world) { w.change(schemas.ChangeParty, "factory/x", func() { w.factory = false }) },
	} {
		w := newWorld(1)
		w.factory = true
		w.put("ds-0", func(d *schemas.Dataset) {
			d.Title = schemas.Text{"en": map[string]string{"offer": "open", "party": "factory"}[name]}
		})
		m := New(w, 60)
		w.during = func() {
			w.during = nil
			change(w)
			w.asks(t, m, policy.Attributes{Now: time.Unix(500, 0)}, schemas.Sight{Everyone: true}, nil) // somebody else heeds it
		}
		w.asks(t, m, someone(), schemas.Sight{Everyone: true}, []schemas.DatasetID{"ds-0"})
		if got, want := w.asks(t, m, someone(), schemas.Sight{Everyone: true}, []schemas.DatasetID{"ds-0"}); got[0] != schemas.MarkNo || want[0] != schemas.MarkNo {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// Nothing is read or decided twice while nothing changes, and who asks most keeps its
// answers when there are too many.
func TestRemembers(t *testing.T) {
	w := newWorld(40)
	m := New(w, 50)
	ids := slices.Collect(func(yield func(schemas.DatasetID) bool) {
		for id := range w.sets {
			if !yield(id) {
				return
			}
		}
	})
	everyone := schemas.Sight{Everyone: true}
	for range 3 {
		w.asks(t, m, someone(), everyone, ids)
	}
	if w.read != 40 || w.decided != 40 {
		t.Errorf("%d were read and %d decided", w.read, w.decided)
	}
	other := someone()
	other.Purpose = "marketing"
	w.asks(t, m, other, everyone, ids[:20]) // 60 are too many: those of the first go
	w.asks(t, m, other, everyone, ids[:20])
	if w.decided != 60 || m.size != 20 {
		t.Errorf("%d were decided, %d are remembered", w.decided, m.size)
	}
	w.pretends = int64(len(w.changes)) + 2*tooMany // much happened: all is forgotten unread
	w.asks(t, m, other, everyone, ids[:20])
	if w.decided != 80 {
		t.Errorf("%d were decided", w.decided)
	}
	for i := range 3 * maxIdle { // callers who ask for nothing that can be remembered
		f := someone()
		f.Participant.ID = schemas.ParticipantID(fmt.Sprint("https://", i, ".example"))
		w.asks(t, m, f, everyone, []schemas.DatasetID{"ds-none"})
	}
	w.asks(t, m, someone(), everyone, ids[:1])
	if len(m.callers) > maxIdle+1 {
		t.Errorf("%d callers are remembered", len(m.callers))
	}
}

// Faults are told, and nothing is remembered of them.
func TestFaults(t *testing.T) {
	w := newWorld(1)
	m := New(w, 10)
	f, broken := someone(), errors.New("broken")
	no := func([]*schemas.Dataset) ([]schemas.Decision, error) { return nil, broken }
	d := w.sets["ds-0"]
	_, err := m.Decisions(t.Context(), &f, []*schemas.Dataset{&d}, no)
	_, also := m.Marks(t.Context(), &f, schemas.Sight{Everyone: true}, []schemas.DatasetID{"ds-0"}, w.reader(schemas.Sight{Everyone: true}), no)
	if !errors.Is(err, broken) || !errors.Is(also, broken) || m.size > 0 || len(m.underway) > 0 {
		t.Errorf("%v, %v, %d, %d", err, also, m.size, len(m.underway))
	}
}

// Many ask at once while offers change; none gets an answer older than its question.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(30)
	m := New(w, 100)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 300 {
				f := someone()
				w.mu.Lock()
				before := w.sets["ds-0"]
				w.mu.Unlock()
				got, err := m.Decisions(t.Context(), &f, []*schemas.Dataset{&before}, w.decider(&f))
				if err != nil || got[0].Digest != fmt.Sprint("ds-0", before.Revision, f.Purpose) {
					t.Errorf("%v: %v, want revision %d", err, got, before.Revision)
				}
			}
		})
	}
	for range 300 {
		w.put("ds-0", func(*schemas.Dataset) {})
	}
	wait.Wait()
}

// Ten thousand marks from memory, and one decision.
func BenchmarkMemo(b *testing.B) {
	w := newWorld(10_000)
	m := New(w, Most)
	var ids []schemas.DatasetID
	for id := range w.sets {
		ids = append(ids, id)
	}
	everyone := schemas.Sight{Everyone: true}
	w.asks(b, m, someone(), everyone, ids)
	f := someone()
	b.Run("marks-10k", func(b *testing.B) {
		for b.Loop() {
			_, err := m.Marks(b.Context(), &f, everyone, ids, w.reader(everyone), w.decider(&f))
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	d := w.sets["ds-7"]
	one := []*schemas.Dataset{&d}
	b.Run("decision", func(b *testing.B) {
		for b.Loop() {
			_, err := m.Decisions(b.Context(), &f, one, w.decider(&f))
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
