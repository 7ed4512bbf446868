package audit_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// tampering is one way to edit the tables behind the server's back, on a log of
// 101 records with a signed head. Numbers are those of reference/policy.md D4.
type tampering struct {
	name     string
	edit     func(t *testing.T, s *site)
	firstBad int64  // what Verify names; -1: no index can be told
	says     string // in its first fault
	starts   bool   // Start cannot see it: it is not on its way
}

func leafOf(t *testing.T, s *site, index int64) []byte {
	t.Helper()
	var leaf []byte
	if err := dbtest.Raw(t, s.url).QueryRow("SELECT leaf FROM change WHERE position = $1", index).Scan(&leaf); err != nil {
		t.Fatal(err)
	}
	return leaf
}

// forged is record index's leaf with one more row released.
func forged(t *testing.T, s *site, index int64) []byte {
	t.Helper()
	leaf, err := db.ParseLeaf(leafOf(t, s, index))
	if err != nil {
		t.Fatal(err)
	}
	leaf.Numbers["rows"]++
	return leaf.Encode()
}

func setLeaf(t *testing.T, s *site, index int64, leaf []byte) {
	s.tamper("UPDATE change SET leaf = $1 WHERE position = $2", leaf, index)
}

func setHash(s *site, level int, n int64, h tlog.Hash) {
	s.tamper("UPDATE tree_hash SET hash = $1 WHERE place = $2", h[:], tlog.StoredHashIndex(level, n))
}

// rebuild puts a whole tree over the stored leaves, as a thief of everything
// but the head file would.
func rebuild(t *testing.T, s *site, size int64) {
	t.Helper()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, p := range at {
			out[i] = hashes[p]
		}
		return out, nil
	})
	s.tamper("DELETE FROM tree_hash")
	raw := dbtest.Raw(t, s.url)
	for i := range size {
		more, err := tlog.StoredHashes(i, leafOf(t, s, i), reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range more {
			if _, err := raw.Exec("INSERT INTO tree_hash (place, hash) VALUES ($1, $2)", len(hashes), h[:]); err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, h)
		}
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		t.Fatal(err)
	}
	s.tamper("UPDATE tree_state SET size = $1, root = $2", size, root[:])
	s.tamper("UPDATE change_head SET next = $1", size)
}

func tamperings() []tampering {
	return []tampering{
		{"1 tail cut, heads kept", func(_ *testing.T, s *site) {
			s.tamper("DELETE FROM change WHERE position >= 90")
		}, 90, "missing", false},
		{"2 tail cut with all heads", func(t *testing.T, s *site) {
			s.tamper("DELETE FROM change WHERE position >= 90")
			rebuild(t, s, 90)
		}, 90, "101 records were signed, 90 are there", false},
		{"3 leaf edited and the whole tree rebuilt", func(t *testing.T, s *site) {
			setLeaf(t, s, 40, forged(t, s, 40))
			rebuild(t, s, 101)
		}, -1, "not those that were signed", false},
		{"5 two rows swapped", func(_ *testing.T, s *site) {
			s.tamper("UPDATE change SET position = 1000 WHERE position = 20")
			s.tamper("UPDATE change SET position = 20 WHERE position = 30")
			s.tamper("UPDATE change SET position = 30 WHERE position = 1000")
		}, 20, "not what was hashed", false},
		{"6 a middle row deleted", func(_ *testing.T, s *site) {
			s.tamper("DELETE FROM change WHERE position = 50")
		}, 50, "missing", false},
		{"7 one byte of a leaf edited", func(t *testing.T, s *site) {
			leaf := leafOf(t, s, 33)
			leaf[len(leaf)-5] ^= 1
			setLeaf(t, s, 33, leaf)
		}, 33, "not what was hashed", false},
		{"8 a leaf and its hash edited", func(t *testing.T, s *site) {
			leaf := forged(t, s, 60)
			setLeaf(t, s, 60, leaf)
			setHash(s, 0, 60, tlog.RecordHash(leaf))
		}, 60, "records 60 to 61", true},
		{"8 the same at an odd index", func(t *testing.T, s *site) {
			leaf := forged(t, s, 61)
			setLeaf(t, s, 61, leaf)
			setHash(s, 0, 61, tlog.RecordHash(leaf))
		}, 60, "records 60 to 61", true},
		{"9 an inner hash edited", func(_ *testing.T, s *site) {
			setHash(s, 3, 2, tlog.Hash{1})
		}, 16, "records 16 to 23", true},
		{"9 an inner hash of the right edge edited", func(_ *testing.T, s *site) {
			setHash(s, 5, 2, tlog.Hash{1})
		}, 64, "records 64 to 95", false},
		{"9 an inner hash deleted", func(_ *testing.T, s *site) {
			s.tamper("DELETE FROM tree_hash WHERE place = $1", tlog.StoredHashIndex(1, 4))
		}, 8, "records 8 to 9 is missing", true},
		{"10 a row inserted with those after it shifted", func(_ *testing.T, s *site) {
			s.tamper("UPDATE change SET position = position + 1000 WHERE position >= 70")
			s.tamper("UPDATE change SET position = position - 999 WHERE position >= 1000")
			s.tamper("INSERT INTO change (position, kind, subject, at, leaf) SELECT 70, kind, subject, at, leaf FROM change WHERE position = 3")
		}, 70, "not what was hashed", false},
		{"10 a row appended beside the sequence", func(_ *testing.T, s *site) {
			s.tamper("INSERT INTO change (position, kind, subject, at, leaf) SELECT 101, kind, subject, at, leaf FROM change WHERE position = 3")
		}, 101, "outside of the sequence", true},
		{"a value edited", func(_ *testing.T, s *site) {
			s.tamper("UPDATE change_value SET value = 'p-9' WHERE position = 12 AND name = 'participant'")
		}, 12, "value participant", false},
		{"the subject edited", func(_ *testing.T, s *site) {
			s.tamper("UPDATE change SET subject = 'req-other' WHERE position = 14")
		}, 14, "its subject is not the one", false},
		{"the kind beside a leaf edited", func(_ *testing.T, s *site) {
			s.tamper("UPDATE change SET kind = 'refusal' WHERE position = 13")
		}, 13, "kind or time", false},
		{"the head of the sequence set back", func(_ *testing.T, s *site) {
			s.tamper("UPDATE change_head SET next = 100")
		}, 100, "the sequence has 100", false},
		{"the stored root edited", func(_ *testing.T, s *site) {
			s.tamper("UPDATE tree_state SET root = $1", make([]byte, 32))
		}, -1, "stored root", false},
	}
}

func TestTampering(t *testing.T) {
	for _, c := range tamperings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *site) {
				s.bulk(100)
				s.checkpoint()
				s.halt()
				c.edit(t, s)
				s.start()
				r := s.verify()
				if r.FirstBad != c.firstBad || r.OK() || !strings.Contains(r.Faults[0], c.says) {
					t.Errorf("first bad %d, faults %q; want %d, %q", r.FirstBad, r.Faults, c.firstBad, c.says)
				}
				if c.starts != (s.startErr == nil) {
					t.Fatalf("start: %v", s.startErr)
				}
				if c.starts {
					return
				}
				if k := schemas.KindOf(s.startErr); k != schemas.Unavailable {
					t.Errorf("start: %v, %v", k, s.startErr)
				}
				if _, err := s.log.Checkpoint(context.Background()); err == nil {
					t.Error("a bad record was signed")
				}
				if err := s.appendOne(); schemas.KindOf(err) != schemas.Unavailable {
					t.Errorf("append to a bad record: %v", err)
				}
			})
		})
	}
}

// Row 74: record 3's text put into record 2, and 3 dropped; hashes untouched.
func TestMergedRecords(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.bulk(9)
		s.checkpoint()
		s.halt()
		s.tamper("UPDATE change SET leaf = (SELECT leaf FROM change WHERE position = 3) WHERE position = 2")
		s.tamper("DELETE FROM change WHERE position = 3")
		s.start()
		if s.startErr == nil || !strings.Contains(s.startErr.Error(), "Record 2 ") {
			t.Errorf("start: %v, want record 2 named", s.startErr)
		}
		if err := s.appendOne(); err == nil {
			t.Error("appended to a bad record")
		}
		if r := s.verify(); r.FirstBad != 2 {
			t.Errorf("first bad %d, want 2: %q", r.FirstBad, r.Faults)
		}
	})
}

// Case 14: yesterday's backup is restored. The head outside of the database
// tells; so does a checkpoint that somebody saved when that file is old too.
func TestRestoredBackup(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	s.bulk(10)
	oldHead := s.checkpoint()
	path := strings.TrimPrefix(s.url, "sqlite:")
	s.halt()
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	s.bulk(5)
	saved := s.checkpoint()
	s.halt()
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	if s.startErr == nil || !strings.Contains(s.startErr.Error(), "16 records were signed, 11 are there") {
		t.Errorf("start: %v", s.startErr)
	}
	s.halt()
	if err := os.WriteFile(s.head, oldHead, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	if s.startErr != nil {
		t.Fatal(s.startErr)
	}
	if r := s.verify(saved); r.FirstBad != 11 {
		t.Errorf("first bad %d, want 11: %q", r.FirstBad, r.Faults)
	}
	s.bulk(9) // goes past the saved size on a fork
	if r := s.verify(saved); r.OK() || !strings.Contains(r.Faults[0], "first 16 records are not those") {
		t.Errorf("a fork went unseen: %+v", r)
	}
}

func TestHeadFile(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(s *site) error
		says string
	}{
		{"gone", func(s *site) error { return os.Remove(s.head) }, "is gone"},
		{"empty", func(s *site) error { return os.WriteFile(s.head, nil, 0o600) }, ""},
		{"of another key", func(s *site) error {
			other := newSite(s.t, dbtest.SQLite)
			return os.WriteFile(s.head, other.checkpoint(), 0o600)
		}, "not signed by this log's key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, dbtest.SQLite)
			s.bulk(3)
			s.checkpoint()
			s.halt()
			if err := c.edit(s); err != nil {
				t.Fatal(err)
			}
			s.start()
			if c.says == "" && s.startErr != nil || c.says != "" && (s.startErr == nil || !strings.Contains(s.startErr.Error(), c.says)) {
				t.Errorf("start: %v, want %q", s.startErr, c.says)
			}
		})
	}
}

// A running server that finds its tree set back signs nothing from then on.
func TestForkWhileRunning(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.bulk(20)
		s.checkpoint()
		s.tamper("DELETE FROM change WHERE position >= 10")
		rebuild(t, s, 10)
		if _, err := s.log.Checkpoint(context.Background()); err == nil ||
			!strings.Contains(err.Error(), "21 records were signed, 10 are there") {
			t.Errorf("checkpoint: %v", err)
		}
		if err := s.appendOne(); schemas.KindOf(err) != schemas.Unavailable {
			t.Errorf("append: %v", err)
		}
	})
}
