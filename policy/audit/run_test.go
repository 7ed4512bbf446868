package audit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// Run signs what was appended, without anybody asking.
func TestRunSigns(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.log.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for round := range int64(2) {
		s.append(1)
		tick := time.NewTicker(5 * time.Millisecond)
		for range 2000 {
			b, err := os.ReadFile(s.head)
			if err != nil {
				t.Fatal(err)
			}
			if h, err := audit.OpenCheckpoint(b, s.vkey); err != nil || h.Size == round+2 {
				break
			}
			<-tick.C
		}
		tick.Stop()
		b, err := os.ReadFile(s.head)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := audit.OpenCheckpoint(b, s.vkey); err != nil || h.Size != round+2 {
			t.Errorf("signed %+v, %v; want size %d", h, err, round+2)
		}
	}
	cancel()
	wg.Wait()
}

// Before Start, and while the head cannot be kept, nothing is signed.
func TestNotSigned(t *testing.T) {
	ctx := context.Background()
	skey, _, err := audit.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "heads")
	db := dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))
	log, err := audit.New(db, skey, filepath.Join(dir, "head"), nil)
	if err != nil {
		t.Fatal(err)
	}
	db.OnGroup(log.Step)
	dbtest.Run(t, db)
	if _, err := log.Checkpoint(ctx); schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "not started") {
		t.Errorf("before start: %v", err)
	}
	if err := log.Start(ctx); schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "cannot be kept") {
		t.Errorf("no folder: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Checkpoint(ctx); err != nil {
		t.Errorf("with the folder: %v", err)
	}
}

// Two replicas step and sign one log by turns.
func TestTwoReplicas(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			skey, vkey, err := audit.NewKey(origin)
			if err != nil {
				t.Fatal(err)
			}
			url := dbtest.URL(t, kind)
			var sites []*site
			for range 2 {
				s := &site{t: t, url: url, head: filepath.Join(t.TempDir(), "head"), skey: skey, vkey: vkey}
				if len(sites) > 0 { // a replica that joins takes the record as it is
					if err := os.WriteFile(s.head, nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				s.start()
				if s.startErr != nil {
					t.Fatal(s.startErr)
				}
				sites = append(sites, s)
			}
			var wg sync.WaitGroup
			for w := range 8 {
				wg.Go(func() {
					for range 25 {
						if err := sites[w%2].appendOne(); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			a, b := sites[0].checkpoint(), sites[1].checkpoint()
			if string(a) != string(b) {
				t.Errorf("two heads:\n%s\n%s", a, b)
			}
			if r := sites[1].verify(a); !r.OK() || r.Records != 201 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Verify looks while others write.
func TestVerifyWhileWriting(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					err := s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
						_, err := tx.Append(ctx, change(1))
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 20 {
			if r := s.verify(s.checkpoint()); !r.OK() {
				t.Errorf("%+v", r)
			}
		}
		close(stop)
		wg.Wait()
	})
}
