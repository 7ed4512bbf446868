package harvest

import (
	"context"
	"errors"
	"testing"
)

// TestSearchFollows: a harvest goes on as soon as the search is near, and not before; who ends it ends
// the wait.
func TestSearchFollows(t *testing.T) {
	t.Parallel()
	asked := 0
	h := &Harvester{Config: Config{Behind: func(context.Context) int64 {
		asked++
		return int64(maxBehind + 3 - asked)
	}}}
	err := h.letSearchFollow(t.Context())
	if err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	ctx, end := context.WithCancel(t.Context())
	h.Behind = func(context.Context) int64 {
		end()
		return maxBehind + 1
	}
	err = h.letSearchFollow(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	h.Behind = func(context.Context) int64 { return maxBehind + 1 } // it stands still
	err = h.letSearchFollow(t.Context())
	if err != nil {
		t.Errorf("a search that stands still: %v", err)
	}
	h.Behind = nil
	err = h.letSearchFollow(t.Context())
	if err != nil {
		t.Errorf("nobody searches: %v", err)
	}
}
