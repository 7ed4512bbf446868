package throughput

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/db/sums"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/run"
	"guichet/schemas"
)

const (
	second = schemas.ParticipantID("https://second.example")
	other  = schemas.ParticipantID("https://other.example")
)

// now is the time of these tests.
var now = time.Date(2026, 3, 10, 9, 30, 0, 0, time.UTC)

// made is a World in which streams ended: own is of the Lab alone, shared admits its partner too.
func made(t *testing.T, database *db.DB) (s *Throughputs, w *agreementtest.World, own, shared schemas.AgreementID) {
	t.Helper()
	w = agreementtest.New(t, database, 0, 0)
	w.Join(t, agreementtest.Person("sue", second, schemas.RoleTrainer))
	w.Project(t, func(p *schemas.Project) { p.Partners = []schemas.ParticipantID{second} })
	s = &Throughputs{Agreements: w.Agreements, Runs: run.New(w.Agreements, 0), Now: func() time.Time { return now }}
	own = w.Agree(t, "ds-0", nil).ID
	shared = w.Agree(t, "ds-1", func(a *schemas.Agreement) { a.Partners = []schemas.ParticipantID{second} }).ID
	at := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	ended := func(a schemas.AgreementID, who schemas.ParticipantID, state schemas.ReleaseState, r schemas.RunID, rows int64, when time.Time) {
		agreementtest.Must(t, w.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return sums.Add(ctx, tx, &schemas.Release{Agreement: a, Participant: who, State: state, Run: r, Rows: rows, Bytes: 10 * rows, Ended: when})
		}))
	}
	ended(own, agreementtest.Lab, schemas.ReleaseComplete, "run-a", 1, at(1))
	ended(own, agreementtest.Lab, schemas.ReleaseCut, "run-a", 2, at(1))
	ended(own, agreementtest.Lab, schemas.ReleaseUnknown, "", 4, at(1))
	ended(own, second, schemas.ReleaseBroken, "run-a", 8, at(30))
	ended(shared, agreementtest.Lab, schemas.ReleaseByURL, "run-a", 16, at(30))
	ended(shared, agreementtest.Lab, schemas.ReleaseComplete, "run-b", 32, at(24*40))
	return s, w, own, shared
}

// told writes the bins in which something ended.
func told(t Throughput) (out []string) {
	for _, b := range t.Bins {
		line := fmt.Sprintf("%s %d streams %d rows %d bytes", b.From.Format("02 15h"), b.Streams, b.Rows, b.Bytes)
		if b.AtMost != nil {
			line += fmt.Sprintf(", at most %d %d %d", b.AtMost.Streams, b.AtMost.Rows, b.AtMost.Bytes)
		}
		if b.Streams > 0 || b.AtMost != nil {
			out = append(out, line)
		}
	}
	return out
}

// Who may know: what one's organisation read or provides, all for who oversees, an agreement whoever may see it, and of a
// run of her project a partner what is hers or of an agreement that is.
func TestWhoReadsWhat(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s, w, own, shared := made(t, database)
		partner := agreementtest.Person("sue", second, schemas.RoleTrainer)
		stranger := agreementtest.Person("eve", other, schemas.RoleTrainer, schemas.RoleProvider)
		w.Join(t, stranger)
		all := []string{"09 00h 1 streams 8 rows 80 bytes, at most 1 16 160", "10 00h 2 streams 3 rows 30 bytes, at most 1 4 40"}
		today := all[1:]
		for _, c := range []struct {
			name string
			by   schemas.Principal
			q    Query
			want []string
		}{
			{"an officer", agreementtest.Officer(), Query{}, all},
			{"the operator", agreementtest.Operator(), Query{}, all},
			{"the provider", agreementtest.Owner(), Query{}, all},
			{"the provider, by name", agreementtest.Owner(), Query{Provider: agreementtest.Holder}, all},
			{"the lead", agreementtest.Trainer(), Query{}, append([]string{"09 00h 0 streams 0 rows 0 bytes, at most 1 16 160"}, today...)},
			{"the lead, of the provider's", agreementtest.Trainer(), Query{Provider: agreementtest.Holder, Dataset: "ds-0"}, today},
			{"the lead, of another provider", agreementtest.Trainer(), Query{Provider: other}, nil},
			{"a partner", partner, Query{}, []string{"09 00h 1 streams 8 rows 80 bytes"}},
			{"a partner, of the project", partner, Query{Project: "p"}, []string{"09 00h 1 streams 8 rows 80 bytes"}},
			{"of another project", agreementtest.Officer(), Query{Project: "q"}, nil},
			{"a partner, of what is shared", partner, Query{Agreement: shared}, []string{"09 00h 0 streams 0 rows 0 bytes, at most 1 16 160"}},
			{"a stranger", stranger, Query{}, nil},
			{"a stranger, of a dataset", stranger, Query{Dataset: "ds-0"}, nil},
			{"a stranger, of a provider", stranger, Query{Provider: agreementtest.Holder}, nil},
			{"the lead, of an agreement", agreementtest.Trainer(), Query{Agreement: own},
				[]string{"09 00h 1 streams 8 rows 80 bytes", today[0]}},
			{"the lead, of a run", agreementtest.Trainer(), Query{Run: "run-a"},
				[]string{"09 00h 1 streams 8 rows 80 bytes, at most 1 16 160", "10 00h 2 streams 3 rows 30 bytes"}},
			{"a partner, of a run", partner, Query{Run: "run-a"}, []string{"09 00h 1 streams 8 rows 80 bytes, at most 1 16 160"}},
			{"an officer, of a run and an agreement", agreementtest.Officer(), Query{Run: "run-a", Agreement: shared},
				[]string{"09 00h 0 streams 0 rows 0 bytes, at most 1 16 160"}},
			{"longer ago", agreementtest.Officer(), Query{Run: "run-b", From: now.AddDate(0, -3, 0)},
				[]string{"29 00h 1 streams 32 rows 320 bytes"}},
		} {
			got, err := s.Of(t.Context(), c.by, c.q)
			if d := cmp.Diff(c.want, told(got)); d != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", c.name, err, d)
			}
		}
		for _, c := range []struct {
			name string
			by   schemas.Principal
			q    Query
			kind schemas.Kind
			text string
		}{
			{"nobody", schemas.Principal{}, Query{}, schemas.Unauthenticated, "this needs a signed-in caller"},
			{"a guest", schemas.Principal{Issuer: "i", Subject: "guest"}, Query{}, schemas.Denied, "belongs to no organisation"},
			{"a partner, of what is not shared", partner, Query{Agreement: own}, schemas.NotFound, "there is no agreement"},
			{"a stranger, of a run", stranger, Query{Run: "run-a"}, schemas.NotFound, "there is no run run-a"},
			{"the provider, of a run", agreementtest.Owner(), Query{Run: "run-a"}, schemas.NotFound, "there is no run run-a"},
			{"of a run that is none", agreementtest.Officer(), Query{Run: "run-x"}, schemas.NotFound, "run-x"},
		} {
			_, err := s.Of(t.Context(), c.by, c.q)
			agreementtest.Refused(t, c.name, err, c.kind, c.text)
		}
	})
}

// Bins are hours for up to three days, then days; each is there once, also where nothing ended.
func TestBins(t *testing.T) {
	t.Parallel()
	s, _, _, _ := made(t, dbtest.Open(t, dbtest.SQLite))
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		name     string
		from, to time.Time
		by       string
		bins     int
		begins   time.Time
		ends     time.Time
	}{
		{"thirty days", time.Time{}, time.Time{}, "day", 31, now.Truncate(24*time.Hour).AddDate(0, 0, -30), day(11)},
		{"three days", now.AddDate(0, 0, -3), now, "hour", 73, now.AddDate(0, 0, -3).Truncate(time.Hour), now.Truncate(time.Hour).Add(time.Hour)},
		{"three whole days", day(1), day(4), "hour", 72, day(1), day(4)},
		{"a moment more", day(1), day(4).Add(1), "day", 4, day(1), day(5)},
		{"one moment", day(1), day(1).Add(1), "hour", 1, day(1), day(1).Add(time.Hour)},
		{"a year", day(1).AddDate(0, 0, -366), day(1), "day", 366, day(1).AddDate(0, 0, -366), day(1)},
		{"before 1970", time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 12, 0, 0, 0, time.UTC), "hour", 24,
			time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 12, 0, 0, 0, time.UTC)},
		{"elsewhere's noon", time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600)), day(2), "hour", 13, day(1).Add(11 * time.Hour), day(2)},
	} {
		got, err := s.Of(t.Context(), agreementtest.Officer(), Query{From: c.from, To: c.to})
		if err != nil || got.By != c.by || len(got.Bins) != c.bins || !got.From.Equal(c.begins) || !got.To.Equal(c.ends) {
			t.Errorf("%s: %d bins by the %s from %s to %s, %v", c.name, len(got.Bins), got.By, got.From, got.To, err)
		}
		for i, b := range got.Bins[1:] {
			if step := b.From.Sub(got.Bins[i].From); step != map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour}[c.by] {
				t.Errorf("%s: bin %d begins %s after the one before", c.name, i+1, step)
			}
		}
	}
	hours, err := s.Of(t.Context(), agreementtest.Officer(), Query{From: now.Add(-3 * time.Hour)})
	if d := cmp.Diff([]string{"10 08h 2 streams 3 rows 30 bytes, at most 1 4 40"}, told(hours)); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for name, q := range map[string]Query{
		"backwards": {From: now.Add(time.Hour), To: now},
		"no time":   {From: now, To: now},
		"too long":  {From: now.AddDate(0, 0, -366).Add(-time.Second)},
		"ages":      {From: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := s.Of(t.Context(), agreementtest.Officer(), q)
		agreementtest.Refused(t, name, err, schemas.Invalid, "[from: from ")
	}
}
