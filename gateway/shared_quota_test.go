package gateway

import (
	"testing"

	"guichet/schemas"
)

// Where there is no room for a body, the answer is Busy, and room that is given back is
// there for the next one.
func TestRoomForBodies(t *testing.T) {
	t.Parallel()
	r := newSharedQuota(10, 0)
	one, other := &stay{room: r, owner: "a"}, &stay{room: r, owner: "b"}
	if err := one.grow(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	if err := other.grow(t.Context(), 6); schemas.KindOf(err) != schemas.Busy {
		t.Errorf("without room: %v, want Busy", err)
	}
	one.leave()
	one.leave()
	if err := other.grow(t.Context(), 100); err != nil || other.n != 10 {
		t.Errorf("with room again: %v, %d bytes", err, other.n)
	}
	other.leave()
	if r.used != 0 || len(r.by) != 0 {
		t.Errorf("%d bytes are held by nobody", r.used)
	}
}

// One organisation's bodies, however many, leave half a room to others.
func TestRoomIsShared(t *testing.T) {
	t.Parallel()
	r := newSharedQuota(100, 0)
	taken := 0
	for range 100 {
		s := &stay{room: r, owner: "a"}
		if s.grow(t.Context(), 10) == nil {
			taken++
		}
	}
	if taken != 5 {
		t.Errorf("one owner has %d tenths of the room, want 5", taken)
	}
	if err := (&stay{room: r, owner: "b"}).grow(t.Context(), 50); err != nil {
		t.Errorf("another's half: %v", err)
	}
}
