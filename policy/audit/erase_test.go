package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

func officer() schemas.Principal {
	return schemas.Principal{
		Issuer:      "https://id.example",
		Subject:     "o",
		Participant: "https://site.example",
		Roles:       []schemas.Role{schemas.RoleOfficer},
	}
}

// remotely verifies the record as a client does: nouns first, then the records.
func remotely(t *testing.T, s *site, saved ...[]byte) audit.Report {
	t.Helper()
	ctx := context.Background()
	nouns := &audit.Nouns{AsOf: -1}
	for cursor := ""; ; {
		p, err := s.log.Nouns(ctx, cursor, 3)
		if err != nil {
			t.Fatal(err)
		}
		if nouns.AsOf < 0 {
			nouns.AsOf = p.AsOf
		}
		nouns.List = append(nouns.List, p.Items...)
		cursor = p.Next
		if cursor == "" {
			break
		}
	}
	checkpoint := s.checkpoint()
	records, err := s.log.Records(ctx, audit.Query{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.VerifyRecords(all(records), checkpoint, s.vkey, nouns, saved...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An erasure is an entry; what is missing without one is a fault: in the database,
// online and in a bundle, the part that holds the erased record included.
func TestErasuresAreEntries(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.bulk(20)
		at, err := s.log.Erase(context.Background(), officer(), 5, []string{"participant", "dataset"}, "asked by the person")
		if err != nil || at != 21 {
			t.Fatalf("entry %d, %v", at, err)
		}
		part := audit.Query{After: 4, Limit: 3}
		check := func(what string, erased, firstBad int64) {
			t.Helper()
			bundle, err := verifyBundle(export(t, s, audit.Query{}), s.vkey)
			if err != nil {
				t.Fatal(err)
			}
			some, err := verifyBundle(export(t, s, part), s.vkey)
			if err != nil {
				t.Fatal(err)
			}
			for door, r := range map[string]audit.Report{
				"database": s.verify(), "online": remotely(t, s), "bundle": bundle, "bundle of a part": some,
			} {
				if r.Erased != erased || r.FirstBad != firstBad || r.OK() != (firstBad < 0) {
					t.Errorf("%s, %s: %+v", what, door, r)
				}
			}
		}
		check("erased", 2, -1)
		if r, err := verifyBundle(export(t, s, part), s.vkey); err != nil || r.Records != 4 {
			t.Errorf("the erasure is in the part: %+v, %v", r, err)
		}
		s.tamper("DELETE FROM change_value WHERE position = 6 AND name = 'participant'")
		check("deleted behind the gateway", 2, 6)
		s.tamper("DELETE FROM change_value WHERE position = 21 AND name = 'names'")
		check("the erasure itself deleted", 0, 5)
	})
}

func TestEraseRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := context.Background()
		s.bulk(3)
		at, err := s.log.Erase(ctx, officer(), 2, []string{"release"}, "asked for")
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			index  int64
			names  []string
			reason string
			kind   schemas.Kind
		}{
			"no reason":            {1, []string{"dataset"}, "", schemas.Invalid},
			"no names":             {1, nil, "asked for", schemas.Invalid},
			"the subject":          {1, []string{"of"}, "asked for", schemas.Invalid},
			"a noun's digest":      {1, []string{"digest.agreement"}, "asked for", schemas.Invalid},
			"one good and one not": {1, []string{"dataset", "unknown"}, "asked for", schemas.Invalid},
			"an erasure":           {at, []string{"reason"}, "asked for", schemas.Invalid},
			"erased already":       {2, []string{"release"}, "asked for", schemas.Invalid},
			"beyond the end":       {99, []string{"dataset"}, "asked for", schemas.NotFound},
		} {
			_, err := s.log.Erase(ctx, officer(), c.index, c.names, c.reason)
			if err == nil || schemas.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
		}
		if r := s.verify(); !r.OK() || r.Erased != 1 {
			t.Errorf("a refused erasure changes nothing: %+v", r)
		}
	})
}

// Nouns edited, deleted or added behind the gateway are named by a verification in the
// database and by one online.
func TestVerifyHoldsNouns(t *testing.T) {
	put := func(s *site, id, doc string) {
		err := s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, _, err := db.Get[string](ctx, tx, "factory", id)
			if err == nil {
				_, err = db.Update(ctx, tx, "factory", id, 0, doc, nil)
			} else {
				err = db.Insert(ctx, tx, "factory", id, doc, nil)
			}
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "factory/" + id})
			}
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, edit, says string }{
		{"as recorded", "", ""},
		{"a budget made whole again", `UPDATE account SET rows_used = 0`,
			"the account acc-1 says that 0 rows and 70 bytes were given out; recorded are 7 and 70"},
		{"a budget deleted", `DELETE FROM account WHERE id = 'acc-1'`, "the account acc-1 was recorded and is stored no more"},
		{"edited", `UPDATE factory SET doc = '"mine"' WHERE id = 'f1'`, "the factory f1 is not stored as it was recorded"},
		{"put back", `UPDATE factory SET doc = '"1"' WHERE id = 'f1'`, "the factory f1 is not stored as it was recorded"},
		{"deleted", `DELETE FROM factory WHERE id = 'f1'`, "the factory f1 was recorded and is stored no more"},
		{"added", `INSERT INTO factory (id, revision, doc) VALUES ('g', 1, '"g"')`, "the factory g is in no record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				for _, id := range []string{"f1", "f2", "f3", "f4", "f5"} {
					put(s, id, "1")
					put(s, id, "2")
				}
				s.tamper(
					"INSERT INTO account (id, dataset, project, rows_used, bytes_used, rows_held, bytes_held) VALUES ('acc-1', 'd', 'p', 7, 70, 0, 0)",
				)
				err := s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
					_, err := tx.Append(
						ctx,
						schemas.Change{Kind: schemas.ChangeReleaseEnd, Subject: "rel-1", Values: map[string]string{"account": "acc-0", "account.2": "acc-1"},
							Numbers: map[string]int64{"used_rows": 0, "used_rows.2": 7, "used_bytes.2": 70}},
					)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				s.tamper(
					"INSERT INTO account (id, dataset, project, rows_used, bytes_used, rows_held, bytes_held) VALUES ('acc-0', 'd', 'p', 0, 0, 0, 0)",
				)
				if c.edit != "" {
					s.tamper(c.edit)
				}
				for door, r := range map[string]audit.Report{"database": s.verify(), "online": remotely(t, s)} {
					if c.says == "" && (!r.OK() || r.Nouns != 7) || c.says != "" && (len(r.Faults) != 1 || !strings.Contains(r.Faults[0], c.says)) {
						t.Errorf("%s: %+v", door, r)
					}
				}
			})
		})
	}
}

// Whoever kept a head sees a rollback and a fork, though database and checkpoint were
// both put back.
func TestSavedHeadsShowRollbacks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := context.Background()
		s.bulk(5)
		early := s.checkpoint()
		s.bulk(7)
		late := s.checkpoint()
		if r := remotely(t, s, early, late); !r.OK() {
			t.Errorf("%+v", r)
		}
		older, err := audit.OpenCheckpoint(early, s.vkey)
		if err != nil {
			t.Fatal(err)
		}
		newer, err := audit.OpenCheckpoint(late, s.vkey)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.log.Consistency(ctx, older.Size, newer.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := audit.CheckConsistency(older, newer, proof); err != nil {
			t.Error(err)
		}
		forked := older
		forked.Root[0] ^= 1
		for name, err := range map[string]error{
			"rolled back":   audit.CheckConsistency(newer, older, nil),
			"forked":        audit.CheckConsistency(forked, newer, proof),
			"same size":     audit.CheckConsistency(forked, older, nil),
			"no proof":      audit.CheckConsistency(older, newer, nil),
			"another's log": audit.CheckConsistency(audit.Head{Origin: "other", Size: older.Size, Root: older.Root}, newer, proof),
		} {
			if err == nil || schemas.KindOf(err) != schemas.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, sizes := range [][2]int64{{0, 5}, {6, 5}, {5, 99}, {-1, 5}} {
			_, err := s.log.Consistency(ctx, sizes[0], sizes[1])
			if schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("%v: %v", sizes, err)
			}
		}
		s.tamper("DELETE FROM change WHERE position >= 6")
		s.tamper("DELETE FROM change_value WHERE position >= 6")
		rebuild(t, s, 6)
		r, err := audit.VerifyDB(ctx, s.db, s.vkey, early)
		if err != nil || !r.OK() {
			t.Errorf("with the head that was put back alone: %+v, %v", r, err)
		}
		r, err = audit.VerifyDB(ctx, s.db, s.vkey, early, late)
		if err != nil || r.OK() || r.FirstBad != 6 {
			t.Errorf("with the later head: %+v, %v", r, err)
		}
	})
}

// A head of no records, though signed, proves nothing, and an empty bundle is not whole.
func TestEmptyHeadProvesNothing(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	s.bulk(3)
	signer, err := note.NewSigner(s.skey)
	if err != nil {
		t.Fatal(err)
	}
	none := sha256.Sum256(nil)
	empty, err := note.Sign(&note.Note{Text: origin + "\n0\n" + base64.StdEncoding.EncodeToString(none[:]) + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.VerifyRecords(all(nil), empty, s.vkey, nil)
	if err != nil || r.OK() {
		t.Errorf("no records under it: %+v, %v", r, err)
	}
	bundle := rezip(t, export(t, s, audit.Query{}), func(name string, text []byte) []byte {
		switch name {
		case "checkpoint":
			return empty
		case "records.jsonl":
			return []byte{}
		}
		return text
	})
	r, err = verifyBundle(bundle, s.vkey)
	if err != nil || r.OK() {
		t.Errorf("a bundle: %+v, %v", r, err)
	}
	s.halt()
	if err := os.WriteFile(s.head, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	if s.startErr == nil {
		t.Error("a gateway started with it as its last head")
	}
}

// Bundles are held against heads that were kept.
func TestBundleAgainstSavedHeads(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	s.bulk(5)
	early := s.checkpoint()
	s.bulk(5)
	whole, part := export(t, s, audit.Query{}), export(t, s, audit.Query{After: 3})
	verify := func(b []byte, saved ...[]byte) (audit.Report, error) {
		return audit.VerifyBundle(bytes.NewReader(b), int64(len(b)), s.vkey, saved...)
	}
	if r, err := verify(whole, early, s.checkpoint()); err != nil || !r.OK() {
		t.Errorf("whole: %+v, %v", r, err)
	}
	if _, err := verify(part, early); schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("a part, which cannot tell: %v", err)
	}
	s.bulk(1)
	if r, err := verify(whole, s.checkpoint()); err != nil || !r.OK() {
		t.Errorf("older than the head: %+v, %v", r, err)
	}
	forger, err := note.NewSigner(s.skey)
	if err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("x"))
	forked, err := note.Sign(&note.Note{Text: origin + "\n6\n" + base64.StdEncoding.EncodeToString(other[:]) + "\n"}, forger)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := verify(whole, forked); err != nil || r.OK() {
		t.Errorf("forked: %+v, %v", r, err)
	}
}

// A version of an earlier build, whose changes commit to nothing, is told apart from one
// that stands in no record.
func TestOlderVersionsAreUnbound(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		err := s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeVersion, Subject: "ds-1"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		put := "INSERT INTO version (id, revision, dataset, state, started, ask, shards, doc) VALUES ('%s', 1, 'x', 'published', 0, '', '', '{}')"
		s.tamper(fmt.Sprintf(put, "ds-1/v1"))
		if r := s.verify(); !r.OK() || r.Unbound != 1 {
			t.Errorf("%+v", r)
		}
		s.tamper(fmt.Sprintf(put, "ds-2/v1"))
		if r := s.verify(); r.OK() || !strings.Contains(r.Faults[0], "the version ds-2/v1 is in no record") {
			t.Errorf("%+v", r)
		}
	})
}
