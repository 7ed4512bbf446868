package refusal

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"guichet/connectors/db"
	"guichet/policy/agreement"
	"guichet/schemas"
)

// Refusals remembers which refusals of the running minute are in the record already:
// later ones of the same caller, rule and subject are counted, and the count follows
// when the minute is over, so that strangers cannot flood the record [decisions.md 18].
type Refusals struct {
	db     *db.DB
	now    func() time.Time
	holder func(ctx context.Context, token string) (schemas.Lease, error)

	mu     sync.Mutex
	minute int64
	seen   map[refusalKey]*refused
	over   []*refused // of minutes that are over

	waiting chan schemas.Change // of strangers, who wait for no record
	dropped int64               // of those, while there was no room; under mu
}

// refusalKey tells refusals apart: of whom, by which rule, about what.
type refusalKey struct{ caller, rule, subject string }

// refused is one refusal that is in the record, and how many more there were.
type refused struct {
	change schemas.Change
	more   int64
}

// maxRefusals bounds the keys of one minute; beyond it refusals share one key per
// caller, and beyond twice as many they are not counted.
const maxRefusals = 10_000

// maxWaiting bounds the refusals of strangers that are not recorded yet.
const maxWaiting = 1024

// New makes Refusals; holder finds the lease of a token, for refusals at byte doors; now nil
// is the clock.
func New(database *db.DB, holder func(ctx context.Context, token string) (schemas.Lease, error), now func() time.Time) *Refusals {
	if now == nil {
		now = time.Now
	}
	return &Refusals{db: database, now: now, holder: holder, seen: map[refusalKey]*refused{}, waiting: make(chan schemas.Change, maxWaiting)}
}

// later puts a refusal where Count finds it; one for which there is no room is
// counted.
func (r *Refusals) later(c schemas.Change) {
	select {
	case r.waiting <- c:
	default:
		r.mu.Lock()
		r.dropped++
		r.mu.Unlock()
	}
}

// take gives the refusals that wait, the first of which is c, and one about those that
// were dropped.
func (r *Refusals) take(c schemas.Change) []schemas.Change {
	out := []schemas.Change{c}
	for len(out) < maxWaiting {
		select {
		case c := <-r.waiting:
			out = append(out, c)
			continue
		default:
		}
		break
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped > 0 {
		out = append(out, schemas.Change{Kind: schemas.ChangeRefusal, Subject: "refusals", Numbers: map[string]int64{"more": r.dropped},
			Values: map[string]string{
				"rule":  "refusals.dropped",
				"about": "refusals",
				"text":  "refusals of callers without a name came faster than they could be recorded",
			}})
		r.dropped = 0
	}
	return out
}

// first counts a refusal and says whether it is to be recorded.
func (r *Refusals) first(now time.Time, key refusalKey, c schemas.Change) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(now)
	if r.seen[key] == nil && len(r.seen) >= maxRefusals {
		key.subject = ""
	}
	have := r.seen[key]
	if have == nil {
		if len(r.seen) < 2*maxRefusals {
			r.seen[key] = &refused{change: c}
			return true
		}
		return false
	}
	have.more++
	return false
}

// turn puts what was counted aside when its minute is over.
func (r *Refusals) turn(now time.Time) {
	m := now.Unix() / 60
	if m == r.minute {
		return
	}
	for _, x := range r.seen {
		if x.more > 0 && len(r.over) < 2*maxRefusals {
			r.over = append(r.over, x)
		}
	}
	r.minute = m
	clear(r.seen)
}

// lost counts refusals that could not be recorded, and those that they counted.
func (r *Refusals) lost(changes []schemas.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		r.dropped += max(c.Numbers["more"], 1)
	}
}

// Count puts into the record the refusals of strangers, and minute by minute
// how many more refusals of the same kind there were (number "more"), until ctx ends,
// and then what there is by then.
func (r *Refusals) Count(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last := context.WithoutCancel(ctx)
			select {
			case c := <-r.waiting:
				r.recordWaiting(last, c)
			default:
			}
			return r.count(last, r.now().Add(time.Minute))
		case c := <-r.waiting: // of two that are ready select takes either: ctx may have ended
			r.recordWaiting(context.WithoutCancel(ctx), c)
		case <-tick.C:
			_ = r.count(ctx, r.now()) // what could not be written is tried again at the next turn
		}
	}
}

// count records how many more refusals of a kind there were in the minutes that are
// over. What cannot be written is kept for the next turn.
func (r *Refusals) count(ctx context.Context, now time.Time) error {
	r.mu.Lock()
	r.turn(now)
	over := r.over
	r.over = nil
	r.mu.Unlock()
	if len(over) == 0 {
		return nil
	}
	err := r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, x := range over {
			x.change.At = time.Time{}
			x.change.Numbers = map[string]int64{"more": x.more}
			_, err := tx.Append(ctx, x.change)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.mu.Lock()
		r.over = append(over, r.over...)
		r.mu.Unlock()
	}
	return err
}

// Refused puts a refusal into the record: who was refused what by which rule.
// Only Denied and Unauthenticated errors are refusals; others are ignored. address
// stands in for a caller that is not signed in; such a refusal is recorded by
// Count, soon: whoever has no name waits for no database, and takes no
// connection while it is away.
func (r *Refusals) Refused(ctx context.Context, by schemas.Principal, address, door string, cause error) error {
	e, ok := errors.AsType[*schemas.Error](cause)
	if !ok || e.Kind != schemas.Denied && e.Kind != schemas.Unauthenticated {
		return nil
	}
	rule := e.Kind.String()
	if len(e.Reasons) > 0 {
		rule = e.Reasons[0].Rule
	}
	caller, subject := by.Issuer+"#"+by.Subject, e.Subject
	if !by.SignedIn() { // a stranger chooses what is asked for: one entry a minute and rule
		caller, subject = address, ""
	}
	v := agreement.WithCaller(map[string]string{"door": door, "rule": rule, "about": short(e.Subject), "text": short(e.Message)}, by)
	if !by.SignedIn() && address != "" {
		v["address"] = address
	}
	if by.Participant != "" {
		v["participant"] = string(by.Participant)
	}
	c := schemas.Change{Kind: schemas.ChangeRefusal, Subject: short(e.Subject), Values: v}
	if !r.first(r.now(), refusalKey{caller, rule, subject}, c) {
		return nil
	}
	if !by.SignedIn() {
		c.At = r.now().UTC()
		r.later(c)
		return nil
	}
	r.concerning(ctx, e.Subject, v)
	return r.record(ctx, []schemas.Change{c})
}

// concerning adds to a refusal which dataset, provider and project it is about, so that
// those read it too. What cannot be found adds nothing: the refusal stands by itself.
func (r *Refusals) concerning(ctx context.Context, about string, v map[string]string) {
	for _, noun := range []struct {
		prefix, table string
		columns       []string
	}{
		{"agr-", "agreement", []string{"dataset", "provider", "project"}},
		{"ds-", "dataset", []string{"provider"}},
		{"req-", "request", []string{"project"}},
		{"run-", "run", []string{"project"}},
		{"lease-", "lease", []string{"project"}},
	} {
		if !strings.HasPrefix(about, noun.prefix) {
			continue
		}
		found := make([]string, len(noun.columns))
		into := make([]any, len(found))
		for i := range found {
			into[i] = &found[i]
		}
		err := r.db.QueryRow(ctx, "SELECT "+strings.Join(noun.columns, ", ")+" FROM "+noun.table+" WHERE id = ?", about).Scan(into...)
		if err != nil {
			return
		}
		for i, name := range noun.columns {
			v[name] = found[i]
		}
		v[noun.table] = about
	}
}

// recordWaiting records the refusals that wait, the first of which is c. What cannot be
// recorded now is counted: the database may be away for long.
func (r *Refusals) recordWaiting(ctx context.Context, c schemas.Change) {
	changes := r.take(c)
	err := r.record(ctx, changes)
	if err != nil {
		r.lost(changes)
	}
}

// record writes refusals in one transaction.
func (r *Refusals) record(ctx context.Context, changes []schemas.Change) error {
	return r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, c := range changes {
			_, err := tx.Append(ctx, c)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// RefusedBytes puts a refusal of a byte door into the record, by whom the lease was made
// for where it is a good one.
func (r *Refusals) RefusedBytes(ctx context.Context, token, address, door string, cause error) error {
	var by schemas.Principal
	if schemas.KindOf(cause) == schemas.Denied {
		l, err := r.holder(ctx, token)
		if err == nil {
			by = schemas.Principal{Issuer: "lease", Subject: string(l.ID), Participant: l.Participant}
		}
	}
	return r.Refused(ctx, by, address, door, cause)
}

// short cuts what a caller may have chosen the length of.
func short(s string) string {
	const most = 512
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?") // which not every database stores
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
