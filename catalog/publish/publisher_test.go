package publish

import (
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
