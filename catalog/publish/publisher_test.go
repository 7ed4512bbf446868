package publish

import (
	"math"
	"os"
	"testing"

	"guichet/schemas"
)

// TestPublishersAreShared: one provider never has all of the publishers.
func TestPublishersAreShared(t *testing.T) {
	active := map[string]schemas.ParticipantID{"a/1": "one", "b/1": "one", "c/1": "two"}
	if publishersEach >= publishers || each(active, "one") != publishersEach || each(active, "two") != 1 || each(active, "three") != 0 {
		t.Errorf("%d publishers, %d each: %d, %d", publishers, publishersEach, each(active, "one"), each(active, "two"))
	}
}

// TestRoom: an object is not copied onto a disk that it would fill.
func TestRoom(t *testing.T) {
	c := New(Config{TempDir: t.TempDir()})
	_, _, known := disk(c.TempDir)
	if !known && os.Getenv("CI") == "true" {
		t.Fatal("the free space of a disk is not known, and CI=true")
	}
	if !known {
		t.Skip("not tested here: the free space of a disk is not known")
	}
	err := c.fitsDisk("k", math.MaxInt64/2)
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("%v", err)
	}
}
