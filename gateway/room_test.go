package gateway

import (
	"testing"

	"golang.org/x/sync/semaphore"

	"guichet/schemas"
)

// Where there is no room for a body, the answer is Busy, and room that is given back is
// there for the next one.
func TestRoomForBodies(t *testing.T) {
	s := semaphore.NewWeighted(10)
	leave, err := enter(t.Context(), s, 6, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enter(t.Context(), s, 6, 0); schemas.KindOf(err) != schemas.Busy {
		t.Errorf("without room: %v, want Busy", err)
	}
	leave()
	if _, err := enter(t.Context(), s, 6, 0); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
