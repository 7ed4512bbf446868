package byurl

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"guichet/connectors/direct"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/release"
	"guichet/gateway/stream/streamtest"
	"guichet/policy"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab gives ranges of one published table by URL.
type lab struct {
	*streamtest.Table
	*URLs
	record *streamtest.Record
	feed   *streamtest.Feed
	life   *release.Lifecycle
}

func newLab(t *testing.T, life time.Duration) *lab {
	t.Helper()
	l := &lab{life: release.NewLifecycle(), Table: streamtest.New(t, 16, streamtest.Numbers(100), streamtest.Numbers(50)), record: &streamtest.Record{}, feed: &streamtest.Feed{}}
	l.Own.Store(true)
	keeper := release.NewKeeper(l.record, l.feed, l.life, slog.New(slog.DiscardHandler), time.Now)
	l.URLs = New(Config{Open: l.Table.Open, Keeper: keeper, For: life, Now: time.Now})
	t.Cleanup(l.stop)
	return l
}

func (l *lab) stop() { l.life.Shutdown(context.Background()) }

// plan is one of all rows under duties.
func (l *lab) plan(t *testing.T, a plan.Ask, duties ...schemas.Duty) *plan.Plan {
	t.Helper()
	p, err := plan.NewPlan(plan.NewSource(l.Version, l.Table.Table(), l.Split(), l.View(t, duties)), a)
	streamtest.Must(t, err)
	return p
}

// TestRowsByURL: what URLs show are the stored bytes; the release is in the record before, at its
// bound, stays open while they are good and ends as what it is.
func TestRowsByURL(t *testing.T) {
	l := newLab(t, time.Hour) // no more than a minute
	r, err := l.Rows(t.Context(), streamtest.Grant(t), l.plan(t, plan.Ask{World: 1}), 0)
	streamtest.Must(t, err)
	if life := time.Until(r.Expires); r.Part != 150 || r.Next != 150 || r.Rows != 150 || life > direct.MaxLife || life < direct.MaxLife/2 {
		t.Fatalf("%+v", r)
	}
	begun, ended := l.record.All()
	if len(begun) != 1 || len(ended) != 0 || begun[0].ID != r.Release || begun[0].MostRows != 150 || begun[0].MostBytes != r.Bytes {
		t.Fatalf("begun %+v, ended %+v", begun, ended)
	}
	var bytes int64
	for _, p := range r.Pieces {
		for _, one := range p.Ranges {
			req, err := http.NewRequest(http.MethodGet, one.URL, nil)
			streamtest.Must(t, err)
			for k, v := range one.Headers {
				req.Header.Set(k, v)
			}
			resp, err := http.DefaultClient.Do(req)
			streamtest.Must(t, err)
			got, err := io.ReadAll(resp.Body)
			streamtest.Must(t, err)
			resp.Body.Close()
			if !strings.Contains(string(l.Table.Objects[l.Split().Shards[one.Shard].Key]), string(got)) || int64(len(got)) != one.Bytes {
				t.Errorf("%d bytes of shard %d are not as they are stored", len(got), one.Shard)
			}
			bytes += one.Bytes
		}
	}
	l.feed.Cut("agr-a") // reaches nothing that was given
	http.DefaultClient.CloseIdleConnections()
	if _, ended = l.record.All(); len(ended) > 0 {
		t.Errorf("a revocation ends %+v, and its URLs are good", ended)
	}
	l.stop()
	_, ended = l.record.All()
	if len(ended) != 1 || ended[0].State != schemas.ReleaseByURL || ended[0].Rows != 150 || ended[0].Bytes != bytes || bytes != r.Bytes ||
		ended[0].Batches != 11 || !strings.Contains(ended[0].Cause, "not revocable inside a range") {
		t.Errorf("ended %+v after %d bytes", ended, bytes)
	}
}

// TestURLsDie: no URL outlives the agreement or the job key that it was given under; then the
// release ends by itself.
func TestURLsDie(t *testing.T) {
	for name, c := range map[string]struct {
		life  time.Duration
		grant func() policy.Grant
		said  string
	}{
		"the site's time": {time.Second, func() policy.Grant { return streamtest.Grant(t) }, "1"},
		"the agreement's": {time.Minute, func() policy.Grant { return streamtest.GrantUntil(t, time.Now().Add(2900*time.Millisecond)) }, "2"},
		"the job key's":   {time.Minute, func() policy.Grant { return streamtest.GrantOfJobKey(t, time.Now().Add(2900*time.Millisecond)) }, "2"},
	} {
		l := newLab(t, c.life)
		g := c.grant()
		r, err := l.Rows(t.Context(), g, l.plan(t, plan.Ask{World: 1}), 0)
		streamtest.Must(t, err)
		if ends, _ := g.Until(); r.Expires.After(ends) || !strings.Contains(r.Pieces[0].Ranges[0].URL, "X-Amz-Expires="+c.said) {
			t.Errorf("%s: good until %s: %s", name, r.Expires, r.Pieces[0].Ranges[0].URL)
		}
		streamtest.Eventually(t, func() bool {
			_, ended := l.record.All()
			return len(ended) == 1 && ended[0].State == schemas.ReleaseByURL && !time.Now().Before(r.Expires)
		})
	}
}

// TestNothingByURL: each of these is a refusal, and no URL leaves.
func TestNothingByURL(t *testing.T) {
	seed := uint64(7)
	with := func(d ...schemas.Duty) func() policy.Grant {
		return func() policy.Grant { return streamtest.Grant(t, d...) }
	}
	for _, c := range []struct {
		name   string
		change func(l *lab)
		ask    plan.Ask
		view   []schemas.Duty
		grant  func() policy.Grant
		kind   schemas.Kind
		word   string
	}{
		{name: "the site gives none", change: func(l *lab) { l.For = 0 }, kind: schemas.Denied, word: "this site"},
		{name: "a budget", grant: with(schemas.Duty{Kind: schemas.DutyBudget, Rows: 1}), kind: schemas.Denied, word: "budget"},
		{name: "nobody's grant", grant: func() policy.Grant { return policy.Grant{} }, word: "Authorize"},
		{name: "a view of less", view: []schemas.Duty{streamtest.Hide("n")}, kind: schemas.Denied, word: "less"},
		{name: "a lane", ask: plan.Ask{Seed: &seed, Lane: plan.Lane{Of: 2, Block: 4}}, kind: schemas.Invalid, word: "lanes"},
		{name: "a store that is compared", change: func(l *lab) { l.Own.Store(false) }, kind: schemas.Denied, word: "checksums"},
		{name: "the record refuses", change: func(l *lab) { l.record.Refuse = schemas.Errorf(schemas.Denied, "agr-a", "revoked meanwhile") },
			kind: schemas.Denied, word: "meanwhile"},
		{name: "it ends now", grant: func() policy.Grant { return streamtest.GrantUntil(t, time.Now().Add(900*time.Millisecond)) },
			kind: schemas.Denied, word: "end"},
		{name: "nobody knows of revocations", change: func(l *lab) { l.feed.SetStale(time.Minute) }, kind: schemas.Unavailable, word: "confirm"},
		{name: "the gateway stops", change: func(l *lab) { l.stop() }, kind: schemas.Busy, word: "stopping"},
	} {
		l := newLab(t, time.Minute)
		if c.change != nil {
			c.change(l)
		}
		if c.grant == nil {
			c.grant = with()
		}
		if c.view != nil {
			l.Publish(t, 16, streamtest.Padded(0, 20))
		}
		c.ask.World = 1
		r, err := l.Rows(t.Context(), c.grant(), l.plan(t, c.ask, c.view...), 0)
		given := slices.ContainsFunc(r.Pieces, func(p direct.Piece) bool { return len(p.Ranges) > 0 })
		if err == nil || schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.word) || given {
			t.Errorf("%s: %v, given %v; want %s with %q", c.name, err, given, c.kind, c.word)
		}
		l.stop()
		begun, ended := l.record.All()
		if len(begun) != len(ended) || len(ended) > 0 && ended[0].State == schemas.ReleaseByURL {
			t.Errorf("%s: begun %+v, ended %+v", c.name, begun, ended)
		}
	}
}

// TestNobodyListens: who went away before the answer got nothing, and the record says the most.
func TestNobodyListens(t *testing.T) {
	l := newLab(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	l.feed.SetStale(2 * time.Second) // it waits for the feed
	time.AfterFunc(100*time.Millisecond, func() { cancel(); l.feed.SetStale(0) })
	_, err := l.Rows(ctx, streamtest.Grant(t), l.plan(t, plan.Ask{World: 1}), 0)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	streamtest.Eventually(t, func() bool { begun, _ := l.record.All(); return len(begun) == 1 })
	l.stop()
	if _, ended := l.record.All(); len(ended) != 1 || ended[0].State == schemas.ReleaseComplete {
		t.Errorf("ended %+v", ended)
	}
}

// TestObjectsByURL: objects are given whole, those with no bytes by none, and the record names them.
func TestObjectsByURL(t *testing.T) {
	l := newLab(t, time.Minute)
	var s schemas.Split
	s.Name = "all"
	for i, size := range []int64{10, 0, direct.MaxRange + 5, 700} {
		s.Shards = append(s.Shards, schemas.Shard{Name: string(rune('a' + i)), Store: "s", Bucket: "lab", Key: "k", ETag: "e", Size: size, Rows: 1,
			SHA256: "00"})
	}
	l.Version.Data = []schemas.Table{{Name: "t", Objects: true, Splits: []schemas.Split{s}}}
	var files []*file.File
	for at := range s.Shards {
		files = append(files, file.LookObject(&l.Version, l.Table.Table(), l.Split(), at))
	}
	r, err := l.URLs.Objects(t.Context(), streamtest.Grant(t), files, direct.MaxRange+20)
	streamtest.Must(t, err)
	if len(r.Pieces) != 3 || r.Next != 3 || r.Part != 4 || r.Rows != 2 || r.Bytes != direct.MaxRange+15 {
		t.Fatalf("%+v", r)
	}
	for i, want := range []int{1, 0, 2} {
		p := r.Pieces[i]
		if len(p.Ranges) != want || p.Object != s.Shards[i].Name || p.SHA256 == "" {
			t.Errorf("%+v", p)
		}
		for _, one := range p.Ranges {
			if one.Bytes > direct.MaxRange {
				t.Errorf("a range of %d bytes", one.Bytes)
			}
		}
	}
	begun, _ := l.record.All()
	if begun[0].Ask != "objects=0-2" || begun[0].MostBytes != r.Bytes {
		t.Errorf("%+v", begun)
	}
	_, err = l.URLs.Objects(t.Context(), streamtest.Grant(t, streamtest.Hide("n")), files, 0)
	if schemas.KindOf(err) != schemas.Denied {
		t.Error(err)
	}
}
