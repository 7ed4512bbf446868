package release

import (
	"testing"
	"testing/synctest"
	"time"

	"guichet/gateway/stream/streamtest"
)

// TestSlowIsNotSilent: a client that takes little by little is waited for, and the time
// in which there is nothing to take is not its.
func TestSlowIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		p := NewPace(time.Minute, func() { ended = true })
		streamtest.Must(t, p.During(func() error {
			for range 20 {
				time.Sleep(59 * time.Second)
				p.took()
			}
			return nil
		}))
		time.Sleep(time.Hour)
		synctest.Wait()
		if ended {
			t.Error("it was ended")
		}
		streamtest.Must(t, p.During(func() error {
			time.Sleep(61 * time.Second)
			return nil
		}))
		synctest.Wait()
		if !ended {
			t.Error("it was not ended")
		}
	})
}
