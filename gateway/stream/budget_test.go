package stream

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"guichet/policy"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// lowered is a record of an account that leaves some rows.
type lowered struct {
	*record
	rows int64
}

func (l lowered) Begin(ctx context.Context, g policy.Grant, r schemas.Release, of release.ReadPlan) (schemas.Release, *release.Reservation, error) {
	r, tab, err := l.record.Begin(ctx, g, r, of)
	r.MostRows = min(r.MostRows, l.rows)
	return r, tab, err
}

// A budget smaller than a batch is refused with both numbers and with the world whose
// batches are short enough, which is.
func TestBudgetBelowABatch(t *testing.T) {
	r := newRig(t, Config{Releases: lowered{&record{}, 12}}, 1, 30)
	on := make(chan struct{})
	close(on)
	run := func(world int) error {
		p, err := NewPlan(r.source, Ask{World: world})
		must(t, err)
		_, err = r.Run(t.Context(), r.grant, p, &slow{goOn: on, stuck: func() {}, sent: new(atomic.Int64)}, nil)
		return err
	}
	err := run(1)
	if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "leaves 12 rows") || !strings.Contains(err.Error(), "has 30 rows") || !strings.Contains(err.Error(), "world=3 ") {
		t.Errorf("got %v", err)
	}
	if run(2) == nil {
		t.Error("15 rows were sent")
	}
	must(t, run(3))
}
