package audit_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/policy/audit"
	"guichet/schemas"
)

func TestLifeOfALog(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := context.Background()
		first := s.checkpoint()
		s.append(3)
		s.bulk(300)
		second := s.checkpoint()
		if again := s.checkpoint(); !bytes.Equal(second, again) {
			t.Error("the same head was signed twice")
		}
		h, err := audit.OpenCheckpoint(second, s.vkey)
		if err != nil || h.Size != 304 {
			t.Fatalf("checkpoint %q: %v, want size 304", second, err)
		}
		if s.log.VKey() != s.vkey {
			t.Errorf("vkey %s, want %s", s.log.VKey(), s.vkey)
		}
		for _, i := range []int64{0, 1, 255, 303} {
			leaf, err := s.log.Leaf(ctx, i)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := s.log.Proof(ctx, i)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := audit.VerifyProof(proof, leaf, s.vkey); err != nil || got != i {
				t.Errorf("proof of %d: %d, %v", i, got, err)
			}
		}
		if r := s.verify(first, second); !r.OK() || r.Records != 304 || r.Erased != 0 || r.FirstBad != -1 {
			t.Errorf("report %+v", r)
		}
		s.halt()
		s.start()
		if s.startErr != nil {
			t.Fatal(s.startErr)
		}
		if again := s.checkpoint(); !bytes.Equal(second, again) {
			t.Error("a restart signed the same head again")
		}
		s.append(1)
		if r := s.verify(); !r.OK() || r.Size != 305 {
			t.Errorf("report %+v", r)
		}
		if _, err := s.log.Proof(ctx, 305); schemas.KindOf(err) != schemas.NotFound {
			t.Errorf("proof beyond the end: %v", err)
		}
	})
}

// The tree is x/mod's: its own TreeHash over its own StoredHashes agrees.
func TestTreeIsTlogs(t *testing.T) {
	s := newSite(t, "sqlite")
	ctx := context.Background()
	s.bulk(300)
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, p := range at {
			out[i] = hashes[p]
		}
		return out, nil
	})
	for i := range int64(301) {
		leaf, err := s.log.Leaf(ctx, i)
		if err != nil {
			t.Fatal(err)
		}
		more, err := tlog.StoredHashes(i, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	h, err := audit.OpenCheckpoint(s.checkpoint(), s.vkey)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := tlog.TreeHash(301, reader); err != nil || h.Root != want {
		t.Errorf("root %v, want %v, %v", h.Root, want, err)
	}
}

func TestRecords(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := context.Background()
		s.bulk(20)
		rs, err := s.log.Records(
			ctx,
			audit.Query{
				Values: map[string]string{"dataset": "ds-1", "participant": "p-1"}, From: time.Now().Add(-time.Hour),
				Kinds: []string{schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd}, After: 3, Limit: 4,
			},
		)
		if err != nil || len(rs) != 4 {
			t.Fatalf("%d records, %v", len(rs), err)
		}
		if r := rs[0]; r.Index != 5 || r.Values["release"] != "rel-4" || r.Numbers["rows"] != 4 || r.Subject != "rel-4" {
			t.Errorf("record %+v", r)
		}
		if rs, err := s.log.Records(ctx, audit.Query{To: time.Now().Add(-time.Hour)}); err != nil || len(rs) != 0 {
			t.Errorf("%d old records, %v", len(rs), err)
		}
		newest := audit.Query{Kinds: []string{schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd}, Newest: true, At: rs[3].Index + 1, Limit: 3}
		if got, err := s.log.Records(ctx, newest); err != nil || len(got) != 3 || got[0].Index != rs[3].Index || got[1].Index >= got[0].Index {
			t.Errorf("newest first: %+v, %v", got, err)
		}
		s.tamper("UPDATE change_value SET value = 'ds-2' WHERE position = 7 AND name = 'dataset'")
		s.tamper("DELETE FROM change_value WHERE position = 8 AND name = 'dataset'")
		rs, err = s.log.Records(ctx, audit.Query{After: 7, Limit: 2})
		if err != nil || len(rs) != 2 {
			t.Fatalf("%d records, %v", len(rs), err)
		}
		for i, salted := range []bool{true, false} {
			_, value := rs[i].Values["dataset"]
			_, salt := rs[i].Salts["dataset"]
			if value || salt != salted {
				t.Errorf("record %d: value %t, salt %t, want none and %t", rs[i].Index, value, salt, salted)
			}
		}
		if r := s.verify(); r.FirstBad != 7 || r.Erased != 0 || len(r.Faults) != 2 {
			t.Errorf("report %+v", r)
		}
	})
}
