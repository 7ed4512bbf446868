package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second gateway on one folder, or on a port that is taken, says so and changes
// nothing: no release is closed, no index is made.
func TestSecondGateway(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	other := filepath.Join(t.TempDir(), "other")
	for name, x := range map[string]struct {
		args []string
		want string
	}{
		"folder": {[]string{"--data", g.data, "--listen", ":0", "--flight-listen", ":0"}, "another gateway runs on " + g.data},
		"file":   {[]string{"--data", other, "--database", "sqlite:" + filepath.Join(g.data, "guichet.db"), "--listen", ":0", "--flight-listen", ":0"}, "another gateway runs on " + g.data},
		"port":   {[]string{"--data", other, "--listen", strings.TrimPrefix(g.base, "http://"), "--flight-listen", ":0"}, "is taken by another program"},
	} {
		err := os.MkdirAll(other, 0o700)
		if err == nil {
			var b []byte
			b, err = os.ReadFile(filepath.Join(g.data, "guichet.yaml"))
			if err == nil {
				err = os.WriteFile(filepath.Join(other, "guichet.yaml"), b, 0o600)
			}
			for _, key := range []string{"s3-access", "s3-secret"} { // which the settings name
				if err == nil {
					err = os.MkdirAll(filepath.Join(other, "keys"), 0o700)
				}
				if err == nil {
					b, err = os.ReadFile(filepath.Join(g.data, "keys", key))
				}
				if err == nil {
					err = os.WriteFile(filepath.Join(other, "keys", key), b, 0o600)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		out, err := guichetCommand(append([]string{"serve"}, x.args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), x.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	_, err := os.Stat(filepath.Join(other, "index"))
	if err == nil {
		t.Error("the gateway without a port made an index")
	}
	g.stop()
	g.start() // the lock is free when its holder has ended
}

// A stop leaves a signed head of everything: a database that is cut afterwards shows.
func TestStopSignsTheRecord(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	size := func(b []byte) string { return strings.Split(string(b), "\n")[1] }
	for i := range 5 {
		g.offered("Last "+string(rune('a'+i)), "open-with-attribution")
	}
	g.stop()
	saved, err := os.ReadFile(filepath.Join(g.data, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	g.start()
	var now []byte
	g.get("operator", "/audit/checkpoint", &now)
	if size(saved) != size(now) {
		t.Errorf("the saved head covers %s records of %s", size(saved), size(now))
	}
}
