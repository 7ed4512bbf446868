package audit_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

const origin = "record.example.eu/test"

// site is one database with its record, which can be stopped, tampered with and
// started again.
type site struct {
	t        testing.TB
	url      string
	head     string
	skey     string
	vkey     string
	db       *db.DB
	log      *audit.Log
	startErr error
	stop     func()
}

func newSite(t testing.TB, kind string) *site {
	t.Helper()
	skey, vkey, err := audit.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, url: dbtest.URL(t, kind), head: filepath.Join(t.TempDir(), "head"), skey: skey, vkey: vkey}
	s.start()
	if s.startErr != nil {
		t.Fatal(s.startErr)
	}
	return s
}

// start opens the database anew; startErr is what Start says.
func (s *site) start() {
	s.t.Helper()
	s.db = dbtest.OpenURL(s.t, s.url)
	var err error
	if s.log, err = audit.New(s.db, s.skey, s.head, nil); err != nil {
		s.t.Fatal(err)
	}
	s.db.OnGroup(s.log.Step)
	s.stop = dbtest.Run(s.t, s.db)
	s.startErr = s.log.Start(context.Background())
}

func (s *site) halt() {
	s.t.Helper()
	s.stop()
	if err := s.db.Close(); err != nil {
		s.t.Error(err)
	}
}

// append writes n changes, each in a Write of its own.
func (s *site) append(n int) {
	s.t.Helper()
	for range n {
		if err := s.appendOne(); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) appendOne() error {
	return s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Append(ctx, change(1))
		return err
	})
}

// bulk writes n changes at once, numbered from 0.
func (s *site) bulk(n int) {
	s.t.Helper()
	err := s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		for i := range n {
			if _, err := tx.Append(ctx, change(int64(i))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func change(i int64) schemas.Change {
	return schemas.Change{Kind: schemas.ChangeReleaseBegin, Subject: fmt.Sprint("rel-", i), Numbers: map[string]int64{"rows": i},
		Values: map[string]string{"dataset": "ds-1", "participant": fmt.Sprint("p-", i%3), "release": fmt.Sprint("rel-", i)}}
}

func (s *site) checkpoint() []byte {
	s.t.Helper()
	c, err := s.log.Checkpoint(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// tamper runs statements behind the product's back ("?" as on SQLite).
func (s *site) tamper(query string, args ...any) {
	s.t.Helper()
	if _, err := dbtest.Raw(s.t, s.url).Exec(query, args...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) verify(saved ...[]byte) audit.Report {
	s.t.Helper()
	r, err := s.log.Verify(context.Background(), s.vkey, saved...)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func each(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f(t, newSite(t, kind))
		})
	}
}
