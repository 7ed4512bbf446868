package standin

import (
	"context"
	"testing"

	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// Few have rows made up at a time; who comes while they do waits, and is told to come back.
func TestStandInsTakeTurns(t *testing.T) {
	t.Parallel()
	s := make(turns, atOnce)
	var backs []func()
	for range atOnce {
		back, err := s.wait(t.Context())
		agreementtest.Must(t, err)
		backs = append(backs, back)
	}
	gone, end := context.WithCancel(t.Context())
	end()
	_, err := s.wait(gone)
	agreementtest.Refused(t, "one more", err, schemas.Busy, "many others have rows made up")
	backs[0]()
	back, err := s.wait(t.Context())
	agreementtest.Must(t, err)
	back()
}
