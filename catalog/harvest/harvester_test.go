package harvest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// TestMuch: what a fault of a source would take is not taken for the truth.
func TestMuch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		gone, all int64
		want      bool
	}{
		{0, 0, false}, {0, 100, false}, {1, 1, true}, {10, 10, true}, {10, 11, false}, {11, 54, true}, {11, 55, false}, {11, 11, true},
		{1000, 5001, false}, {1001, 5000, true},
	} {
		if got := much(c.gone, c.all); got != c.want {
			t.Errorf("%d of %d: %v, want %v", c.gone, c.all, got, c.want)
		}
	}
}

// TestFails: a source that fails is asked again after longer and longer times, never later than it
// is harvested anyway, and not before its host wants it.
func TestFails(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := newHarvester(t, dbtest.SQLite)
	h.Now = func() time.Time { return now }
	s := &Catalogue{ID: "portal", Every: 3}
	var waits []time.Duration
	for range 9 {
		h.fails(s, errors.New("away"))
		waits = append(waits, s.Health.Next.Sub(now))
	}
	m := time.Minute
	if !slices.Equal(waits, []time.Duration{2 * m, 4 * m, 8 * m, 16 * m, 32 * m, 64 * m, 128 * m, 180 * m, 180 * m}) || s.Health.State != Failing {
		t.Errorf("%v, %+v", waits, s.Health)
	}
	if strings.Contains(s.Health.Why, "away") { // what is for the log stays there
		t.Errorf("%q", s.Health.Why)
	}
	h.fails(s, fmt.Errorf("busy: %w", &fetch.Later{Until: now.Add(20 * time.Hour)}))
	if s.Health.Next != now.Add(20*time.Hour) {
		t.Errorf("next at %s", s.Health.Next)
	}
	many := &Catalogue{ID: "portal", Health: Health{Failures: 1 << 40}}
	h.fails(many, errors.New("away"))
	if wait := many.Health.Next.Sub(now); wait <= 0 || wait > 24*time.Hour {
		t.Errorf("after very many: %s", wait)
	}
}

// TestClaims: who has a source keeps it while it lives; who is gone loses it, at once where nobody
// else can have had it.
func TestClaims(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			h := newHarvester(t, kind)
			h.Now = func() time.Time { return now }
			s, err := h.Put(t.Context(), operator, Catalogue{ID: "portal", URL: "https://portal.example/"}, 0)
			must(t, err)
			take := func() bool {
				t.Helper()
				due, err := h.due(t.Context())
				must(t, err)
				_, mine, err := h.claim(t.Context(), s.ID)
				must(t, err)
				if mine != slices.Contains(due, dueSource{s.ID, "portal.example"}) {
					t.Errorf("due is %v, taken %v", due, mine)
				}
				return mine
			}
			now = now.Add(time.Second)
			if !take() || take() {
				t.Error("it is not taken once")
			}
			now = now.Add(heldFor / 2)
			must(t, h.hold(t.Context(), s.ID, h.now().Add(heldFor)))
			now = now.Add(heldFor / 2)
			if take() {
				t.Error("one that lives lost it")
			}
			now = now.Add(heldFor)
			if !take() {
				t.Error("one that is gone keeps it")
			}
			must(t, h.letGo(t.Context(), s.ID))
			if !take() {
				t.Error("one that was let go is held")
			}
			h.Alone = kind == dbtest.SQLite
			err = h.free(t.Context())
			must(t, err)
			if got := take(); got != h.Alone {
				t.Errorf("after a restart: %v", got)
			}
			_, err = h.change(t.Context(), s.ID, func(_ context.Context, _ *db.Tx, s *Catalogue) error {
				s.Health.Next = now.Add(time.Hour)
				return nil
			})
			must(t, err)
			now = now.Add(heldFor * 2)
			if take() {
				t.Error("it is taken before it is due")
			}
		})
	}
}

// TestMessages: what a person reads has each fault once, with its place.
func TestMessages(t *testing.T) {
	t.Parallel()
	two := &schemas.Error{Message: "the dataset has faults", Fields: []schemas.FieldError{{Pointer: "/title", Message: "missing"}, {Pointer: "/iri", Message: "too long"}}}
	for want, err := range map[string]error{
		"the dataset has faults; /title: missing; /iri: too long": two,
		"missing":                               schemas.BadField("dataset", "/title", "missing"),
		"it failed; the gateway's log says why": errors.New("disk"),
	} {
		if got := message(fmt.Errorf("read: %w", err)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWhy: who reads why a source fails learns of which address, and what helps.
func TestWhy(t *testing.T) {
	t.Parallel()
	inside := &schemas.Error{Kind: schemas.Denied, Subject: "https://portal.example/two", Message: "it is not public", Remedy: "name the network"}
	if got := why(fmt.Errorf("read: %w", inside)); got != "https://portal.example/two: it is not public (name the network)" {
		t.Errorf("%q", got)
	}
	inside.Message, inside.Remedy = "https://portal.example/two\x1b is odd\x00\xff"+strings.Repeat("é", maxWhy), ""
	got := why(inside)
	if strings.ContainsAny(got, "\x00\x1b") || !utf8.ValidString(got) || len(got) > maxWhy || strings.Count(got, "portal.example") != 1 {
		t.Errorf("%q", got)
	}
}

// FuzzLinked: Link lines of strangers give an absolute address or none.
func FuzzLinked(f *testing.F) {
	for _, s := range []string{`<two>; rel="next"`, `<a>;rel=prev,<b>; x; rel = next`, "<", `<%zz>; rel=next`, `<//host>;rel=NEXT`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		at := related(&fetch.Answer{URL: "https://portal.example/all", Links: []string{line}}, "next")
		if at != "" && !strings.Contains(at, ":") {
			t.Errorf("%q leads to %q", line, at)
		}
	})
}
