// Package mark remembers what datasets mean to callers: the marks of searches and the
// decisions behind them.
//
// In: who asks for what, at what moment, which datasets; how to read and decide what is
// not remembered. Out: marks and decisions, as deciding now would give them. Always: nothing
// is remembered beyond a change about the dataset, beyond any change about organisations,
// projects, factories or revocations, beyond the moment at which an answer changes by itself,
// or for another caller, purpose or revision; what a budget still gives is never remembered.
// Requests, leases and streams are not answered from here. It must not know how is decided.
package mark

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// Of is the mark of a dataset that was decided on.
func Of(d *schemas.Dataset, dec *schemas.Decision) schemas.Mark {
	switch {
	case d.Latest == nil && (len(d.Links) > 0 || d.Source != ""):
		return schemas.MarkElsewhere
	case dec.Verdict == schemas.VerdictYes:
		return schemas.MarkNow
	case dec.Verdict == schemas.VerdictReview:
		return schemas.MarkAsk
	}
	return schemas.MarkNo
}

// news is the change sequence, which the database gives.
type news interface {
	// Newest is the number of committed changes, those of other replicas too.
	Newest(ctx context.Context) (int64, error)
	// News gives up to limit changes from a position on.
	News(ctx context.Context, from int64, limit int) ([]db.News, error)
}

// caller is for whom and for what an answer is: all that it depends on beside the dataset,
// the moment and whom else is registered. What a revision stands for never changes.
type caller struct {
	sight                         schemas.Sight
	participant                   schemas.ParticipantID
	project                       schemas.ProjectID
	factory                       schemas.FactoryID
	participantAt, projectAt, fAt int64 // revisions
	purpose, action               string
}

func callerOf(f *policy.Attributes, sight schemas.Sight) caller {
	return caller{
		sight, f.Participant.ID, f.Project.ID, f.Factory.ID, f.Participant.Revision, f.Project.Revision, f.Factory.Revision, f.Purpose, f.Action,
	}
}

// entry is one remembered answer.
type entry struct {
	decision    *schemas.Decision
	mark        schemas.Mark
	revision    int64
	from, until int64 // Unix nanoseconds between which it holds
}

// holds says whether an answer is one at a moment.
func (e *entry) holds(now int64) bool { return e.decision != nil && e.from <= now && now < e.until }

// answers are those for one caller.
type answers struct {
	of   map[schemas.DatasetID]entry
	used int64 // when they were asked for last, by a count of questions
}

// Memo remembers answers. Safe for concurrent use.
type Memo struct {
	news news
	most int // answers, of all callers together

	mu       sync.Mutex
	upTo     int64 // changes below it are heeded
	callers  map[caller]*answers
	size     int
	asked    int64
	underway map[*flight]bool
}

// flight is a question that is being decided: what changes meanwhile is not remembered of it.
type flight struct {
	changed map[schemas.DatasetID]bool
	all     bool
}

const (
	// Most bounds the answers of all callers together: some 40 MB.
	Most = 100_000

	maxNews = 1000 // changes that are read at once
	maxIdle = 1000 // callers, from which on those without answers are forgotten
	tooMany = 4096 // changes: cheaper to forget all

	// oldest bounds how long an answer is remembered that nothing is known to change.
	oldest = 10 * time.Minute
)

// New makes a Memo of at most so many answers.
func New(n news, most int) *Memo {
	return &Memo{news: n, most: most, callers: map[caller]*answers{}, underway: map[*flight]bool{}}
}

// decider decides on datasets, in their order.
type decider func(sets []*schemas.Dataset) ([]schemas.Decision, error)

// reader reads those of datasets that are in sight.
type reader func(ids []schemas.DatasetID) ([]*schemas.Dataset, error)

// Decisions gives the decisions on datasets as they were read, in their order; what they
// hold is shared and not to be changed. Errors: those of decide and of the database.
func (m *Memo) Decisions(ctx context.Context, f *policy.Attributes, sets []*schemas.Dataset, decide decider) ([]schemas.Decision, error) {
	who, now := callerOf(f, schemas.Sight{}), f.Now.UnixNano()
	fl, err := m.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer m.end(fl)
	out := make([]schemas.Decision, len(sets))
	var missing []*schemas.Dataset
	var at []int
	m.mu.Lock()
	have := m.answersFor(who)
	for i, d := range sets {
		e := have.of[d.ID]
		if e.holds(now) && e.revision == d.Revision {
			out[i] = *e.decision
			continue
		}
		missing, at = append(missing, d), append(at, i)
	}
	m.mu.Unlock()
	if len(missing) == 0 {
		return out, nil
	}
	decisions, err := decide(missing)
	if err != nil {
		return nil, err
	}
	for i := range decisions {
		out[at[i]] = decisions[i]
	}
	m.remember(who, f, fl, missing, decisions)
	return out, nil
}

// atOnce is how many datasets are read and decided on together: what they are read into
// goes before the next ones come.
const atOnce = 1000

// Marks gives the marks of datasets by their ids, in their order; "" where one is not in
// sight any more. Errors: those of read and decide and of the database.
func (m *Memo) Marks(
	ctx context.Context, f *policy.Attributes, sight schemas.Sight, ids []schemas.DatasetID, read reader, decide decider,
) ([]schemas.Mark, error) {
	who, now := callerOf(f, sight), f.Now.UnixNano()
	fl, err := m.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer m.end(fl)
	out := make([]schemas.Mark, len(ids))
	var missing []schemas.DatasetID
	at := map[schemas.DatasetID]int{}
	m.mu.Lock()
	have := m.answersFor(who)
	for i, id := range ids {
		e := have.of[id]
		if e.holds(now) {
			out[i] = e.mark
			continue
		}
		missing = append(missing, id)
		at[id] = i
	}
	m.mu.Unlock()
	for part := range slices.Chunk(missing, atOnce) {
		sets, err := read(part)
		if err != nil {
			return nil, err
		}
		decisions, err := decide(sets)
		if err != nil {
			return nil, err
		}
		for i, d := range sets {
			out[at[d.ID]] = Of(d, &decisions[i])
		}
		m.remember(who, f, fl, sets, decisions)
	}
	return out, nil
}

// answersFor are the answers of a caller. m.mu is held.
func (m *Memo) answersFor(who caller) *answers {
	have := m.callers[who]
	if have == nil {
		have = &answers{of: map[schemas.DatasetID]entry{}}
		m.callers[who] = have
	}
	m.asked++
	have.used = m.asked
	return have
}

// remember keeps what was decided, but for what changed meanwhile and what budgets moved.
func (m *Memo) remember(who caller, f *policy.Attributes, fl *flight, sets []*schemas.Dataset, decisions []schemas.Decision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if fl.all {
		return
	}
	have := m.answersFor(who)
	for i, d := range sets {
		dec := &decisions[i]
		// What a budget gives changes with every stream; a dataset without revision was never stored.
		if fl.changed[d.ID] || dec.Left != nil || d.Revision == 0 {
			continue
		}
		if _, known := have.of[d.ID]; !known {
			m.size++
		}
		kept := *dec // alone: it would hold all others of its question
		have.of[d.ID] = entry{&kept, Of(d, dec), d.Revision, f.Now.UnixNano(), until(f, dec).UnixNano()}
	}
	m.shrink(who)
}

// shrink forgets the callers who asked longest ago; the one who asks now only where its
// answers alone are too many. m.mu is held.
func (m *Memo) shrink(who caller) {
	for m.size > m.most {
		var oldest caller
		found := false
		for c, a := range m.callers {
			if c != who && (!found || a.used < m.callers[oldest].used) {
				oldest, found = c, true
			}
		}
		if !found {
			oldest = who
		}
		m.size -= len(m.callers[oldest].of)
		delete(m.callers, oldest)
	}
	for c, a := range m.callers { // who asked about what is not remembered
		if len(m.callers) > maxIdle && len(a.of) == 0 && c != who {
			delete(m.callers, c)
		}
	}
}

// until is when an answer may become another one by itself: at a date that the terms name, when
// the project begins or ends.
func until(f *policy.Attributes, dec *schemas.Decision) time.Time {
	out := f.Now.Add(oldest)
	for _, t := range []time.Time{dec.ValidUntil, f.Project.From, f.Project.Until} {
		if t.After(f.Now) && t.Before(out) {
			out = t
		}
	}
	return out
}

// begin heeds all changes that are committed by now, and begins a question.
func (m *Memo) begin(ctx context.Context) (*flight, error) {
	head, err := m.news.Newest(ctx)
	if err != nil {
		return nil, err
	}
	fl := &flight{changed: map[schemas.DatasetID]bool{}}
	m.mu.Lock()
	m.underway[fl] = true
	m.mu.Unlock()
	err = m.heed(ctx, head)
	if err != nil {
		m.end(fl)
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(fl.changed) // that is committed, and what is read from here on shows it
	fl.all = false
	return fl, nil
}

// end ends a question.
func (m *Memo) end(fl *flight) {
	m.mu.Lock()
	delete(m.underway, fl)
	m.mu.Unlock()
}

// heed forgets what changes below head are about.
func (m *Memo) heed(ctx context.Context, head int64) error {
	for {
		m.mu.Lock()
		from := m.upTo
		if from < head-tooMany {
			m.forgetAll()
			from, m.upTo = head, head
		}
		m.mu.Unlock()
		if from >= head {
			return nil
		}
		changes, err := m.news.News(ctx, from, maxNews)
		if err != nil {
			return err
		}
		m.mu.Lock()
		for _, c := range changes {
			m.upTo = max(m.upTo, c.Position+1)
			m.forget(c)
		}
		if len(changes) == 0 { // the database is an older one by now
			m.forgetAll()
			m.upTo = max(m.upTo, head)
		}
		m.mu.Unlock()
	}
}

// forget drops what a change may have made another. m.mu is held.
func (m *Memo) forget(c db.News) {
	switch {
	case strings.HasPrefix(c.Kind, "dataset."):
		id := schemas.DatasetID(c.Subject)
		for _, a := range m.callers {
			if _, known := a.of[id]; known {
				delete(a.of, id)
				m.size--
			}
		}
		for fl := range m.underway {
			fl.changed[id] = true
		}
	case slices.Contains(unmoved(), c.Kind):
	default: // who is registered, what was revoked, and what is not known here
		m.forgetAll()
	}
}

// unmoved are the kinds of changes that no answer depends on but by a budget.
func unmoved() []string {
	return []string{
		schemas.ChangeRequest, schemas.ChangeRequestBack, schemas.ChangeReview, schemas.ChangeAgreement, schemas.ChangeLease,
		schemas.ChangeCopyOpen, schemas.ChangeCopyReads, schemas.ChangeRun,
		schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd, schemas.ChangeRefusal,
		schemas.ChangeSource,
	}
}

// forgetAll drops everything. m.mu is held.
func (m *Memo) forgetAll() {
	clear(m.callers)
	m.size = 0
	for fl := range m.underway {
		fl.all = true
	}
}
