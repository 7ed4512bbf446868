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

// TestStoreIsNotTheClient: while a door waits for the store in the middle of a message its
// client is not silent, however long that takes.
func TestStoreIsNotTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		p := NewPace(time.Minute, func() { ended = true })
		turn := Turn(p.With(t.Context()))
		streamtest.Must(t, p.During(func() error {
			for range 3 {
				turn(false)
				time.Sleep(time.Hour)
				turn(true)
				time.Sleep(59 * time.Second)
			}
			return nil
		}))
		synctest.Wait()
		if ended {
			t.Error("it was ended")
		}
		streamtest.Must(t, p.During(func() error {
			turn(false)
			time.Sleep(time.Hour)
			turn(true)
			time.Sleep(61 * time.Second)
			return nil
		}))
		synctest.Wait()
		if !ended {
			t.Error("it was not ended")
		}
		Turn(t.Context())(true) // of a door that is not paced
	})
}
