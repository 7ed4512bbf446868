package doortest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// canonical is a file that stays where it is when it is published.
func canonical(t *testing.T, r *Rig, name string) []byte {
	t.Helper()
	id, _ := r.Ready(t, name, Open(), FileOf(t, numbers(0, 20_000)))
	sh := stored(t, r, id)[0]
	body, err := r.S3.Open(t.Context(), sh.Bucket, sh.Key, "", 0, -1)
	must(t, err)
	defer body.Close()
	b, err := io.ReadAll(body)
	must(t, err)
	return b
}

// from publishes an object of a liar and agrees on it.
func from(t *testing.T, r *Rig, l *Liar, name string) (schemas.AgreementID, string) {
	t.Helper()
	key := Key(name, 0)
	l.Put(key, canonical(t, r, name+"-first"))
	d, _, err := publishFrom(t, r, l, name, key)
	must(t, err)
	id := r.Agree(t, time.Time{}, schemas.Dataset{ID: d})[0].ID
	if got := stored(t, r, id)[0].Store; got != l.ID {
		t.Fatalf("the shard lies in %s", got)
	}
	return id, r.Lease(t, id)
}

func publishFrom(t *testing.T, r *Rig, l *Liar, name, key string) (schemas.DatasetID, schemas.VersionSummary, error) {
	t.Helper()
	id := beginFrom(t, r, l, name, key)
	v, err := r.As(t, "agronomy").WaitPublished(t.Context(), id, "v1", nil)
	return id, v, err
}

func beginFrom(t *testing.T, r *Rig, l *Liar, name, key string) schemas.DatasetID {
	t.Helper()
	c := r.As(t, "agronomy")
	var d schemas.Dataset
	must(t, c.Post(t.Context(), "/datasets", schemas.Dataset{Space: "agriculture", Title: schemas.Text{"en": name}, Licence: "CC-BY-4.0", Countries: []string{"FR"}}, &d))
	path := "/datasets/" + string(d.ID)
	must(t, c.Do(t.Context(), "PUT", path+"/offer", Open(), nil))
	must(t, c.Post(t.Context(), path+"/versions", schemas.Publication{Version: "v1", Store: l.ID, Bucket: "lies", Tables: []schemas.PublicationTable{{Name: "t", Splits: []schemas.PublicationSplit{{Keys: []string{key}}}}}}, nil))
	return d.ID
}

// storeLies: a store that does not keep to what was published, or to the protocol,
// ends streams in words that say which, and no other bytes come.
func storeLies(t *testing.T, r *Rig, doors []Door) {
	l := NewLiar(t, r, "liar", false)
	id, lease := from(t, r, l, "lied")
	for _, c := range []struct {
		lie  Lie
		kind schemas.Kind
		word string
	}{
		{OtherBytes, schemas.Gone, "not those that were published"},
		{NoETag, schemas.Unavailable, "no ETag"},
		{NoMatch, schemas.Gone, "not there any more as it was published"},
		{NoRange, schemas.Unavailable, "ignores Range"},
		{OtherRange, schemas.Unavailable, "another part"},
		{Forbids, schemas.Unavailable, "403"},
		{NoTime, schemas.Unavailable, "Last-Modified"},
	} {
		for _, d := range doors {
			l.Tell(c.lie)
			if ofFiles(d) && c.lie == NoRange { // of a small object all is asked for, and comes
				all(t, d, lease, id, nil)
				l.Tell(Honest)
				continue
			}
			recs, _, err := read(d, lease, id, nil)
			if ofFiles(d) && c.lie == OtherBytes && err != nil && schemas.KindOf(err) == schemas.Internal {
				err = &schemas.Error{Kind: c.kind, Message: c.word} // its first bytes were right: the connection is reset
			}
			if schemas.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.word) || len(recs) > 0 {
				t.Errorf("%s, %s: want %s with %q, got %d batches and %v", c.lie, d.Name(), c.kind, c.word, len(recs), err)
			}
			if ofFiles(d) && c.lie != OtherBytes {
				l.Tell(Honest)
				continue // a release of ranges stays open for some seconds
			}
			if rel := last(t, r, id); rel.State != schemas.ReleaseBroken {
				t.Errorf("%s, %s: the release is %s: %s", c.lie, d.Name(), rel.State, rel.Cause)
			}
			l.Tell(Honest)
			all(t, d, lease, id, nil)
		}
	}
	l.Tell(Endless) // what was asked for comes, and the rest is left
	for _, d := range doors {
		all(t, d, lease, id, nil)
	}
	own := NewLiar(t, r, "own-liar", true)
	id, lease = from(t, r, own, "lied-own")
	own.Tell(OtherBytes)
	for _, d := range doors {
		if _, ours := d.(*webDoor); !ours {
			continue
		}
		_, _, err := read(d, lease, id, nil)
		if schemas.KindOf(err) != schemas.Gone || !strings.Contains(fmt.Sprint(err), "not those that were published") {
			t.Errorf("%s: our client believes other bytes of an own store: %v", d.Name(), err)
		}
	}
}

// storeStalls: a body that stops half way is asked for again from there; one that
// always stops ends the stream.
func storeStalls(t *testing.T, r *Rig, doors []Door) {
	l := NewLiar(t, r, "staller", false)
	id, lease := from(t, r, l, "stalled")
	for _, d := range doors {
		l.Tell(StallsOnce)
		all(t, d, lease, id, nil)
	}
	l.Tell(Stalls)
	refused(t, doors[0], lease, id, nil, schemas.Unavailable, "stopped in the middle")
	l.Tell(Honest)
	all(t, doors[0], lease, id, nil)
}

// publishLies: nothing is published from a store on which nobody can rest later.
func publishLies(t *testing.T, r *Rig, _ []Door) {
	l := NewLiar(t, r, "publisher", false)
	key := Key("published-lies", 0)
	l.Put(key, canonical(t, r, "published-lies-first"))
	for lie, word := range map[Lie]string{NoETag: "no ETag", NoRange: "ignores Range", NoMatch: "ignores If-Match"} {
		l.Tell(lie)
		_, v, err := publishFrom(t, r, l, "published-lies", key)
		e, _ := errors.AsType[*schemas.Error](err)
		if e == nil || v.State != schemas.VersionFailed || !strings.Contains(fmt.Sprint(e.Fields), word) {
			t.Errorf("%s: %s, %v", lie, v.State, err)
		}
	}
}

// publishLost: what was withdrawn, or whose provider was stopped or lost the prefix while
// it was read, is not published, and leaves nothing in the work bucket.
func publishLost(t *testing.T, r *Rig, _ []Door) {
	l := NewLiar(t, r, "loser", false)
	op, agronomy := r.As(t, "operator"), r.As(t, "agronomy")
	for name, c := range map[string]struct {
		lose, restore func(id schemas.DatasetID)
		word          string
	}{
		"withdrawn": {func(id schemas.DatasetID) {
			must(t, agronomy.Do(t.Context(), "DELETE", "/datasets/"+string(id), nil, nil))
		}, nil, "withdrawn"},
		"stopped": {
			func(schemas.DatasetID) {
				must(t, op.Post(t.Context(), "/participants/https:%2F%2Fagronomy.example/stop", map[string]string{"reason": "looked into"}, nil))
			},
			func(schemas.DatasetID) {
				must(t, op.Post(t.Context(), "/participants/https:%2F%2Fagronomy.example/unstop", map[string]string{"reason": "looked into"}, nil))
			}, "stopped",
		},
		"prefix": {func(schemas.DatasetID) { l.prefixes(t, r, nil) }, func(schemas.DatasetID) { l.prefixes(t, r, l.own) }, "no prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			key := Key("lost-"+name, 0)
			l.Put(key, FileOf(t, numbers(0, 3000))) // not canonical: it is rewritten
			l.Tell(Stalls)
			id := beginFrom(t, r, l, "lost-"+name, key)
			Eventually(t, func() error {
				if l.Asked(key) == 0 {
					return errors.New("the object is not read yet")
				}
				return nil
			})
			c.lose(id)
			l.Tell(Honest)
			v, err := agronomy.WaitPublished(t.Context(), id, "v1", nil)
			if c.restore != nil {
				c.restore(id)
			}
			if v.State != schemas.VersionFailed || !strings.Contains(fmt.Sprint(v.Failures), c.word) {
				t.Errorf("the version is %s: %v, %v", v.State, v.Failures, err)
			}
			Eventually(t, func() error {
				left, err := r.S3.List(t.Context(), r.local.S3.WorkBucket, "versions/"+string(id)+"/", 10)
				if err == nil && len(left) > 0 {
					err = fmt.Errorf("%s is left", left[0].Key)
				}
				return err
			})
		})
	}
}
