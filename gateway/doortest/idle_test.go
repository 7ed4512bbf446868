package doortest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/schemas"
)

// silentClients: a client that opens a stream and takes nothing more is ended with the
// place to go on from, at every door.
func silentClients(t *testing.T, r *Rig, doors []Door) {
	d := r.Publish(t, "silent", Open(), bulk(t)...)
	var wg sync.WaitGroup
	for _, door := range doors {
		id := r.Agree(t, time.Time{}, d)[0].ID
		lease := r.Lease(t, id)
		rest := slowly(t, door, lease, id)
		wg.Go(func() {
			deadline := time.Now().Add(time.Minute)
			for {
				all := r.Releases(t, id)
				if len(all) == 1 && all[0].State != schemas.ReleaseOpen {
					rel := all[0]
					word := "from="
					if ofFiles(door) {
						word = "Range: bytes="
					}
					if rel.State != schemas.ReleaseAbandoned || !strings.Contains(rel.Cause, word) {
						t.Errorf("%s: the release is %s: %s", door.Name(), rel.State, rel.Cause)
					}
					break
				}
				if time.Now().After(deadline) {
					t.Errorf("%s: a stream that nobody takes is still open", door.Name())
					break
				}
				time.Sleep(100 * time.Millisecond) // between two looks
			}
			if n, err := rest(); err == nil {
				t.Errorf("%s: a stream that was ended looks whole after %d", door.Name(), n)
			}
		})
	}
	wg.Wait()
}

// resident is the memory of the gateway, in MiB.
func resident(t *testing.T, r *Rig) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", r.server.cmd.Process.Pid))
	if err != nil {
		Skip(t, "the memory of a process is not told here: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	must(t, err)
	return pages * os.Getpagesize() >> 20
}

// cutDownloads: what clients cut off is given back within seconds: connections to the
// store, and memory.
func cutDownloads(t *testing.T, r *Rig, doors []Door) {
	d := r.Publish(t, "cut-off", Open(), bulk(t)...)
	before := resident(t, r)
	var wg, reading sync.WaitGroup
	closing := make(chan struct{})
	reading.Add(40)
	for i := range 40 {
		door := doors[i%len(doors)]
		id := r.Agree(t, time.Time{}, d)[0].ID
		lease := r.Lease(t, id)
		wg.Go(func() {
			rd, err := door.Open(t.Context(), lease, id, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := rd.Next(); err != nil {
				t.Error(err)
			}
			reading.Done()
			<-closing
			rd.Close()
		})
	}
	reading.Wait()
	peak := resident(t, r)
	close(closing)
	wg.Wait()
	Eventually(t, func() error {
		const noise = 32 // MiB that a process holds or not, of the hundreds that 40 downloads take where they are copied
		if n, now := r.Store.Connections(), resident(t, r); n > 4 || now > before+max((peak-before)/3, noise) {
			return fmt.Errorf("%d connections to the store; %d MiB, %d while they ran, %d before", n, now, peak, before)
		}
		return nil
	})
}
