package doortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// overPostgres is a second gateway beside the same store and issuer, whose database
// is PostgreSQL behind a proxy.
func overPostgres(t *testing.T, r *Rig) (*Rig, *Proxy) {
	t.Helper()
	u, err := url.Parse(dbtest.URL(t, dbtest.Postgres))
	must(t, err)
	q := u.Query()
	p := NewProxy(t, filepath.Join(q.Get("host"), ".s.PGSQL.5432"))
	host, port, _ := strings.Cut(p.Address(), ":")
	q.Set("host", host)
	q.Set("port", port)
	u.RawQuery = q.Encode()
	two := &Rig{dir: t.TempDir(), bin: r.bin, local: r.local, Store: r.Store, S3: r.S3, Bucket: r.Bucket, people: map[string]*client.Client{}, args: []string{"--database", u.String()}}
	two.configure(t)
	two.Serve(t)
	two.register(t, true)
	return two, p
}

// trickle reads a stream a little at a time; gap is the longest that it waited for
// more.
func trickle(t *testing.T, d Door, lease string, id schemas.AgreementID) (goOn func() (gap time.Duration, err error)) {
	t.Helper()
	tick := time.NewTicker(300 * time.Millisecond)
	t.Cleanup(tick.Stop)
	var next func() error
	if f, ok := d.(*fileDoor); ok { // raw: a file's footer comes last
		resp, err := f.get(t.Context(), http.MethodGet, lease, id, 0, url.Values{}, nil)
		must(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		next = func() error {
			n, err := io.CopyN(io.Discard, resp.Body, 1<<20)
			if n > 0 && errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	} else {
		rd, err := d.Open(t.Context(), lease, id, nil)
		must(t, err)
		t.Cleanup(rd.Close)
		next = func() error {
			_, err := rd.Next()
			return err
		}
	}
	must(t, next())
	return func() (gap time.Duration, err error) {
		for {
			began := time.Now()
			err := next()
			gap = max(gap, time.Since(began))
			if errors.Is(err, io.EOF) && err.Error() == io.EOF.Error() {
				return gap, nil
			}
			if err != nil {
				return gap, err
			}
			<-tick.C
		}
	}
}

// databaseAway hangs the database under running streams [decisions.md 17]: nothing is
// known of revocations then, so streams pause and end in an error that their clients
// see, and no revocation is acknowledged. When it is back everything goes on.
func databaseAway(t *testing.T, r *Rig, _ []Door) {
	two, database := overPostgres(t, r)
	doors := Doors(t, two)
	d := two.Publish(t, "away", Open(), bulk(t)...)
	other := two.Agree(t, time.Time{}, d)[0].ID
	var ids []schemas.AgreementID
	var running []func() (time.Duration, error)
	for _, door := range doors {
		id := two.Agree(t, time.Time{}, d)[0].ID
		ids = append(ids, id)
		running = append(running, trickle(t, door, two.Lease(t, id), id))
	}
	otherLease := two.Lease(t, other)
	provider := two.As(t, "agronomy")
	database.Freeze()
	began := time.Now()
	var group sync.WaitGroup
	for i, rest := range running {
		group.Go(func() {
			gap, err := rest()
			if err == nil {
				t.Errorf("%s: a stream that could not confirm its agreement looks whole", doors[i].Name())
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s: the stream ended %s after the database hung, want about 10 s", doors[i].Name(), took)
			}
			if gap < 5*time.Second {
				t.Errorf("%s: the stream did not pause before it ended: the longest wait was %s", doors[i].Name(), gap)
			}
			t.Logf("%s: ended %s after the database hung, after a pause of %s: %.200v", doors[i].Name(), time.Since(began).Round(time.Millisecond), gap.Round(time.Millisecond), err)
		})
	}
	group.Go(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		err := provider.Post(ctx, "/agreements/"+string(other)+"/revoke", map[string]string{"reason": "while it hangs"}, nil)
		if err == nil {
			t.Error("a revocation is acknowledged while the database hangs")
		}
	})
	group.Go(func() {
		impatient := http.Client{Timeout: 5 * time.Second}
		for time.Since(began) < 12*time.Second {
			resp, err := impatient.Get(two.HTTP + "/readyz")
			if err != nil {
				t.Errorf("readyz while the database hangs: %v", err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusServiceUnavailable {
				return
			}
		}
		t.Error("the gateway is ready while its database hangs")
	})
	group.Wait() // the streams have ended while the database hangs
	database.Thaw()
	for i, door := range doors {
		Eventually(t, func() error {
			all, err := client.All[schemas.Release](t.Context(), two.As(t, "trainer"), "/streams?state=all&agreement="+string(ids[i]))
			if err != nil {
				return err
			}
			if len(all) != 1 {
				return fmt.Errorf("%s: the releases are %+v", door.Name(), all)
			}
			// A stream that came to its next shard meanwhile asked the database for it.
			cut := all[0].State == schemas.ReleaseCut && strings.Contains(all[0].Cause, "could not confirm")
			broken := all[0].State == schemas.ReleaseBroken && strings.Contains(all[0].Cause, "database does not answer")
			if !cut && !broken {
				return fmt.Errorf("%s: the release is %+v", door.Name(), all[0])
			}
			return nil
		})
		equal(t, door.Name()+": rows when it is back", 3*4096, len(ints(all(t, door, two.Lease(t, ids[i]), ids[i], nil))))
	}
	err := provider.Post(t.Context(), "/agreements/"+string(other)+"/revoke", map[string]string{"reason": "when it is back"}, nil)
	if err != nil && schemas.KindOf(err) != schemas.Conflict { // the first word may have been heard after all
		t.Errorf("a revocation when the database is back: %v", err)
	}
	for _, door := range doors {
		refused(t, door, otherLease, other, nil, schemas.Denied, "revoked")
	}
}
