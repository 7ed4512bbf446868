package s3

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/s3/s3test"
	"guichet/schemas"
)

// newPool makes a pool whose registry is a map.
func newPool(registered map[schemas.StoreID]schemas.Store) *Pool {
	return &Pool{
		Registered: func(_ context.Context, id schemas.StoreID) (schemas.Store, error) {
			reg, there := registered[id]
			if !there {
				return reg, schemas.Errorf(schemas.NotFound, string(id), "there is no store %s", id)
			}
			return reg, nil
		},
		Credentials: func(reg *schemas.Store) (Credentials, error) {
			if reg.CredentialRef == "" {
				return Credentials{}, schemas.Errorf(schemas.Unavailable, string(reg.ID), "store %s has no credentials here", reg.ID)
			}
			return Credentials{AccessKey: "a", SecretKey: "b"}, nil
		},
		Idle: 200 * time.Millisecond,
	}
}

// TestPool: a store is opened once, whoever asks, until its registration changes.
func TestPool(t *testing.T) {
	registered := map[schemas.StoreID]schemas.Store{
		"a":  {ID: "a", Endpoint: "https://s3.example", CredentialRef: "a", Own: true, Revision: 1},
		"no": {ID: "no", Endpoint: "https://s3.example"},
	}
	p := newPool(registered)
	got := make([]*Store, 20)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			got[i], err = p.Get(t.Context(), "a")
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range got {
		if s != got[0] {
			t.Fatal("a store was opened twice")
		}
	}
	if !got[0].Own() || got[0].ID() != "a" {
		t.Errorf("opened is %+v", got[0])
	}
	changed := registered["a"]
	changed.Revision, changed.Own = 2, false
	registered["a"] = changed
	again, err := p.Get(t.Context(), "a")
	if err != nil || again == got[0] || again.Own() {
		t.Errorf("a changed registration: %+v, %v", again, err)
	}
	if same, err := p.Get(t.Context(), "a"); err != nil || same != again {
		t.Errorf("the changed registration is opened twice: %v", err)
	}
	for id, kind := range map[schemas.StoreID]schemas.Kind{"b": schemas.NotFound, "no": schemas.Unavailable} {
		_, err := p.Get(t.Context(), id)
		if schemas.KindOf(err) != kind {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestReaches: what is wrong with a registration is said where it stands in it.
func TestReaches(t *testing.T) {
	srv := s3test.New(t, "lab")
	p := newPool(nil)
	prefix := func(buckets ...string) (out []schemas.Prefix) {
		for _, b := range buckets {
			out = append(out, schemas.Prefix{Bucket: b})
		}
		return out
	}
	for name, c := range map[string]struct {
		reg           schemas.Store
		pointer, says string
	}{
		"good":              {schemas.Store{Endpoint: srv.URL, CredentialRef: "a", WorkBucket: "lab", Prefixes: prefix("lab")}, "", ""},
		"no work bucket":    {schemas.Store{Endpoint: srv.URL, CredentialRef: "a", WorkBucket: "work"}, "/work_bucket", `no bucket "work"`},
		"no prefix bucket":  {schemas.Store{Endpoint: srv.URL, CredentialRef: "a", WorkBucket: "lab", Prefixes: prefix("lab", "data", "data")}, "/prefixes/1/bucket", `no bucket "data"`},
		"named twice":       {schemas.Store{Endpoint: srv.URL, CredentialRef: "a", WorkBucket: "data", Prefixes: prefix("data")}, "/work_bucket", `no bucket "data"`},
		"nothing listens":   {schemas.Store{Endpoint: "http://127.0.0.1:1", CredentialRef: "a", WorkBucket: "lab"}, "/endpoint", "nothing listens there"},
		"no bucket is said": {schemas.Store{Endpoint: "http://127.0.0.1:1", CredentialRef: "a"}, "", ""},
	} {
		c.reg.ID = "s"
		err := p.Reaches(t.Context(), c.reg)
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || e.Kind != schemas.Invalid || len(e.Fields) != 1 || e.Fields[0].Pointer != c.pointer || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(e.Remedy, "--unchecked") {
			t.Errorf("%s: %q does not say how a store that comes later is registered", name, e.Remedy)
		}
	}
	err := p.Reaches(t.Context(), schemas.Store{ID: "s", Endpoint: srv.URL})
	if schemas.KindOf(err) != schemas.Unavailable {
		t.Errorf("without credentials: %v", err)
	}
}

// TestUnreachedInTime: a store that does not answer in time is told by its endpoint.
func TestUnreachedInTime(t *testing.T) {
	err := unreached(&schemas.Store{ID: "s"}, "/work_bucket", context.DeadlineExceeded)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Message != "store s did not answer in 15 seconds" || e.Fields[0].Pointer != "/endpoint" {
		t.Errorf("%v", err)
	}
}
