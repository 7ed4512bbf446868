package stream

import (
	"strings"
	"sync/atomic"
	"testing"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// A budget smaller than a batch is refused with both numbers and with the world whose
// batches are short enough, which is.
func TestBudgetBelowABatch(t *testing.T) {
	r := newRig(t, Config{Releases: &streamtest.Record{MostRows: 12}}, 1, 30)
	on := make(chan struct{})
	close(on)
	run := func(world int) error {
		p, err := plan.NewPlan(r.source, plan.Ask{World: world})
		streamtest.Must(t, err)
		_, err = r.Run(t.Context(), r.grant, p, &slow{goOn: on, stuck: func() {}, sent: new(atomic.Int64)}, nil)
		return err
	}
	err := run(1)
	if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "leaves 12 rows") ||
		!strings.Contains(err.Error(), "has 30 rows") ||
		!strings.Contains(err.Error(), "world=3 ") {
		t.Errorf("got %v", err)
	}
	if run(2) == nil {
		t.Error("15 rows were sent")
	}
	streamtest.Must(t, run(3))
}
