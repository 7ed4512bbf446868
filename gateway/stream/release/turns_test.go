package release

import "testing"

// Of the makers of files and of indexes an organisation has one.
func TestMakersAreShared(t *testing.T) {
	var ts Turns
	leave, one := ts.Queue(nil, "one")
	other, two := ts.Queue(nil, "two")
	if !one || !two {
		t.Fatal("two organisations wait for each other")
	}
	ended := make(chan struct{})
	close(ended)
	_, again := ts.Queue(ended, "one")
	if again {
		t.Error("an organisation has two makers at once")
	}
	leave()
	leave, one = ts.Queue(nil, "one")
	if !one {
		t.Error("its turn does not come again")
	}
	leave()
	other()
	if len(ts.of) != 0 {
		t.Errorf("%d turns are left", len(ts.of))
	}
}
