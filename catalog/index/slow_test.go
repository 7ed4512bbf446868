package index

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// A slow batch is told and waited for; only what never ends is given up.
func TestSlowIsNotDamaged(t *testing.T) {
	told := make(chan struct{})
	err := patient(t.Context(), time.Nanosecond, time.Hour, func() { close(told) }, func() error {
		<-told // so it takes longer than slow
		return nil
	})
	if err != nil {
		t.Errorf("a slow batch is %v", err)
	}
	never := make(chan struct{})
	defer close(never)
	hang := func() error { <-never; return nil }
	if err := patient(t.Context(), time.Hour, time.Nanosecond, func() {}, hang); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("one that never ends is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patient(ctx, time.Nanosecond, time.Hour, func() {}, hang); !errors.Is(err, context.Canceled) {
		t.Errorf("at the gateway's end it is %v", err)
	}
}

// Large descriptions go in several batches, and an index that ends between two of them is
// at the position before.
func TestBatchesAreBounded(t *testing.T) {
	x := titled(t, "en", map[schemas.DatasetID]string{"first": "Small"})
	x.position.Store(1)
	x.most = 1000
	var docs []schemas.Dataset
	for _, id := range []schemas.DatasetID{"a", "b", "c", "d"} {
		docs = append(docs, schemas.Dataset{ID: id, Title: schemas.Text{"en": "Large"}, Description: schemas.Text{"de": strings.Repeat("x ", 300)}})
	}
	if n := chunk(docs, x.most); n != 2 {
		t.Errorf("%d of them are one batch", n)
	}
	if err := x.apply(t.Context(), docs, 7); err != nil {
		t.Fatal(err)
	}
	if got := found(t, x, "large"); len(got) != 4 || positionOf(x.public.b) != 7 || positionOf(x.closed.b) != 7 {
		t.Errorf("%v, at %d and %d", got, positionOf(x.public.b), positionOf(x.closed.b))
	}
}
