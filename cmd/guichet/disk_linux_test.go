package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"guichet/schemas"
)

// A full disk under the record: nothing that needs a record is done, what can be read
// is read, and when there is room again everything goes on; the record is whole.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	t.Run("files cannot grow", func(t *testing.T) {
		t.Parallel()
		g := newGateway(t, "")
		limit := func(n uint64) error {
			return unix.Prlimit(g.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY}, nil)
		}
		outlives(t, g, func() error { return limit(4096) }, func() error { return limit(unix.RLIM_INFINITY) })
	})
	small := t.TempDir()
	err := syscall.Mount("none", small, "tmpfs", 0, "size=24m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return // a disk of our own needs root; the test above stands for it
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := syscall.Unmount(small, syscall.MNT_DETACH)
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("no room is left", func(t *testing.T) {
		g := newGatewayIn(t, filepath.Join(small, "gateway"), "")
		filler := filepath.Join(small, "filler")
		outlives(t, g, func() error {
			f, err := os.Create(filler)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(f, zeros{})
			if errors.Is(err, syscall.ENOSPC) {
				return nil
			}
			return err
		}, func() error { return os.Remove(filler) })
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// outlives holds a gateway to what a full disk may do to it.
func outlives(t *testing.T, g *testGateway, fill, free func() error) {
	g.populate()
	d := g.published("Winter wheat", csvRows(2000, 0))
	id := g.granted(d.ID)[0]
	other := g.granted(d.ID)[0]
	lease := g.lease(id).Token
	err := fill()
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error()+remedyOf(err), "disk") {
			t.Errorf("%s on a full disk: got %v", what, err)
		}
	}
	eventually(t, "the full disk shows", func() bool {
		return g.as("agronomy").Post(t.Context(), "/datasets", wheat("While full"), nil) != nil
	})
	refused("to register", g.as("agronomy").Post(t.Context(), "/datasets", wheat("While full, again"), nil))
	s, err := g.as("trainer").OpenStream(t.Context(), lease, id, nil)
	if err == nil {
		s.Close()
	}
	refused("to stream", err)
	eventually(t, "readiness says so", func() bool {
		status, why := g.readiness()
		return status == http.StatusServiceUnavailable && slices.Contains(why, "the database takes no writes")
	})
	// The brake works all the same: it holds here, and is written when there is room.
	err = g.as("agronomy").Post(t.Context(), "/agreements/"+string(other)+"/revoke", map[string]any{"reason": "the licence ended"}, nil)
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "not recorded yet") {
		t.Errorf("a revocation on a full disk: %v", err)
	}
	g.get("agronomy", "/datasets/"+string(d.ID), nil)
	err = free()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is room again", func() bool {
		return g.as("agronomy").Post(t.Context(), "/datasets", wheat("After"), nil) == nil
	})
	if n := g.streamAll(lease, id, ""); n != 2000 {
		t.Errorf("after it the stream has %d rows", n)
	}
	eventually(t, "the revocation is recorded", func() bool {
		var a schemas.Agreement
		g.get("agronomy", "/agreements/"+string(other), &a)
		return a.State == schemas.AgreementRevoked
	})
	g.verify()
	g.kill()
	g.start()
	g.verify()
}

func remedyOf(err error) string {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return ""
	}
	return e.Remedy
}

// TestNoRoomToPublish: a publication that the temporary folder has no room for fails with
// the reason and with what is needed; with room again the same name is published.
func TestNoRoomToPublish(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	tmp := filepath.Join(g.data, "tmp")
	err := syscall.Mount("none", tmp, "tmpfs", 0, "size=1m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return // a disk of our own needs root; sandbox TestNoRoom stands for it
	}
	if err != nil {
		t.Fatal(err)
	}
	unmount := sync.OnceValue(func() error { return syscall.Unmount(tmp, syscall.MNT_DETACH) })
	t.Cleanup(func() { _ = unmount() }) // what was unmounted before is no fault
	d := g.offered("Too large", "open-with-attribution")
	_, err = g.publishObjects(d, "v1", "", object{"a.csv", string(csvRows(20_000, 0))})
	e, _ := errors.AsType[*schemas.Error](err)
	if e == nil || e.Kind != schemas.Invalid || len(e.Fields) != 1 || !strings.Contains(e.Fields[0].Message, "no room in the gateway's temporary folder") ||
		!strings.Contains(e.Fields[0].Message, "it needs 4") || !strings.Contains(e.Fields[0].Message, "publish again") {
		t.Errorf("published without room: %v", err)
	}
	err = unmount()
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.publishObjects(d, "v1", "", object{"a.csv", string(csvRows(20_000, 0))})
	if err != nil {
		t.Error(err)
	}
}
