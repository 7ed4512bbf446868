package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

func (l *lab) latest(id schemas.DatasetID) schemas.VersionID {
	l.t.Helper()
	d, err := l.Catalog.Own(l.t.Context(), agronomy, id)
	must(l.t, err)
	if d.Latest == nil {
		return ""
	}
	return d.Latest.Version
}

// TestWithdrawVersion: a version that is taken back is read no more, and the newest that
// stands is the dataset's latest.
func TestWithdrawVersion(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("a.csv", "x\n1\n", "b.parquet", "PAR1 and no more")
	for _, v := range []string{"v1", "v2", "v3"} {
		l.published(id, of(v, "a.csv"))
	}
	withdraw := func(v schemas.VersionID, latest schemas.VersionID) {
		t.Helper()
		s, err := l.WithdrawVersion(t.Context(), agronomy, id, v)
		if err != nil || s.State != schemas.VersionWithdrawn || s.Withdrawn.IsZero() {
			t.Errorf("%s: %+v, %v", v, s, err)
		}
		if got := l.latest(id); got != latest {
			t.Errorf("after %s the latest is %q, not %q", v, got, latest)
		}
		if err := l.Catalog.Standing(t.Context(), id, v); schemas.KindOf(err) != schemas.Gone {
			t.Errorf("%s stands: %v", v, err)
		}
	}
	withdraw("v3", "v2")
	withdraw("v1", "v2")
	if err := l.Catalog.Standing(t.Context(), id, "v2"); err != nil {
		t.Error(err)
	}
	withdraw("v2", "")
	l.published(id, of("v4", "b.parquet"))
	for v, c := range map[schemas.VersionID]struct {
		kind schemas.Kind
		says string
	}{
		"v1": {schemas.Gone, "version v1 was withdrawn"},
		"v4": {schemas.Conflict, "version v4 was not published; there is nothing to withdraw"},
		"v9": {schemas.NotFound, "has no version v9"},
	} {
		_, err := l.WithdrawVersion(t.Context(), agronomy, id, v)
		if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", v, err)
		}
	}
	_, err := l.WithdrawVersion(t.Context(), grid, id, "v4")
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("another provider: %v", err)
	}
}

// TestGiveUp: a publication that its provider gives up ends at once, leaves nothing behind
// and its name free.
func TestGiveUp(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("1.csv", "x\n1\n", "2.csv", "x\n2\n")
	second := make(chan struct{}, 1)
	l.reads.hold = func(ctx context.Context, name string) {
		if strings.HasSuffix(name, "2.csv") {
			second <- struct{}{}
			<-ctx.Done()
		}
	}
	l.run()
	_, err := l.Publish(t.Context(), agronomy, id, of("v1", "1.csv", "2.csv"))
	must(t, err)
	<-second
	s, err := l.WithdrawVersion(t.Context(), agronomy, id, "v1")
	if err != nil || s.State != schemas.VersionFailed || said(s.Failures) != "publication: it was cancelled by its provider\n" {
		t.Fatalf("%+v, %v", s, err)
	}
	l.reads.mu.Lock()
	l.reads.hold = nil
	l.reads.mu.Unlock()
	v := l.published(id, of("v1", "1.csv", "2.csv"))
	if v.State != schemas.VersionPublished || v.Rows != 2 {
		t.Errorf("its name again: %+v\n%s", v.VersionSummary, said(v.Failures))
	}
	stand := map[string]bool{}
	for s := range v.EveryShard() {
		stand[s.Key] = true
	}
	if got := l.left(id, stand); len(got) > 0 {
		t.Errorf("left in the work bucket is %q", got)
	}
}

// TestStopsAndGoesOn: what a stop interrupts goes on at the next start; shards that were
// read are not read again.
func TestStopsAndGoesOn(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("1.csv", "x\n1\n", "2.csv", "x\n2\n", "3.csv", "x\n3\n")
	ctx, stop := context.WithCancel(t.Context())
	third := make(chan struct{}, 1)
	l.reads.hold = func(ctx context.Context, name string) {
		if strings.HasSuffix(name, "3.csv") {
			third <- struct{}{}
			<-ctx.Done()
		}
	}
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	_, err := l.Publish(t.Context(), agronomy, id, of("v1", "1.csv", "2.csv", "3.csv"))
	must(t, err)
	<-third
	l.until(id, "v1", func(v *schemas.Version) bool { return v.ShardsDone > 0 })
	stop()
	must(t, <-done)
	v, err := l.Catalog.Version(t.Context(), id, "v1")
	if err != nil || v.State != schemas.VersionPublishing {
		t.Fatalf("after the stop: %+v, %v", v.VersionSummary, err)
	}
	l.reads.mu.Lock()
	before := slices.Clone(l.reads.names)
	l.reads.hold = nil
	l.reads.mu.Unlock()
	next := New(l.Config) // another process
	l.Publisher = next
	l.run()
	v = l.ended(id, "v1")
	if v.State != schemas.VersionPublished || v.Rows != 3 || keys(&v) != "1.csv 2.csv 3.csv" {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	again := l.reads.names[len(before):]
	if slices.Contains(again, wheat+"1.csv") {
		t.Errorf("read before were %q, and after the start %q", before, again)
	}
}

// TestFaultsPass: a publication that meets a fault of no object waits, says why, and goes on
// when the fault has passed.
func TestFaultsPass(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	l.put("1.csv", "x\n1\n")
	away := errors.New("nobody answers")
	work := l.Work
	l.Work = func(context.Context) (schemas.StoreID, string, error) {
		return "", "", fmt.Errorf("read the registry: %w", away)
	}
	_, err := l.Publish(t.Context(), agronomy, id, of("v1", "1.csv"))
	must(t, err)
	v, err := l.Catalog.Version(t.Context(), id, "v1")
	must(t, err)
	err = l.publish(t.Context(), v)
	if !errors.Is(err, away) {
		t.Fatalf("%v", err)
	}
	l.wait(t.Context(), v, err)
	got, err := l.Catalog.Version(t.Context(), id, "v1")
	if err != nil || got.Waiting == nil || !strings.HasPrefix(got.Waiting.Why, "the gateway met a fault of its own") {
		t.Errorf("%+v, %v", got.Waiting, err)
	}
	n, since, err := l.Waiting(t.Context())
	if err != nil || n != 1 || time.Since(since) > time.Minute {
		t.Errorf("%d wait since %s, %v", n, since, err)
	}
	l.Work = work
	must(t, l.publish(t.Context(), v))
	got, err = l.Catalog.Version(t.Context(), id, "v1")
	if err != nil || got.State != schemas.VersionPublished || got.Waiting != nil {
		t.Errorf("%+v, %v", got.VersionSummary, err)
	}
}
