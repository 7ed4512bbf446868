package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"guichet/schemas"
)

// Pool holds open stores, each made of its registration and the operator's credentials
// for it. Safe for concurrent use.
type Pool struct {
	// Registered finds a store's registration. Errors: NotFound.
	Registered func(ctx context.Context, id schemas.StoreID) (schemas.Store, error)
	// Credentials finds the keys that a registration names. Errors: Unavailable, Invalid.
	Credentials func(reg *schemas.Store) (Credentials, error)
	Roots       *x509.CertPool // authorities that are believed; nil: the system's
	Idle        time.Duration  // how long a store may be silent

	mu   sync.Mutex
	open map[schemas.StoreID]opened
}

// opened is an open store of a registration; a changed one is opened anew.
type opened struct {
	*Store
	revision int64
}

// Get gives the open store of a registration. Errors: those of Registered and
// Credentials.
func (p *Pool) Get(ctx context.Context, id schemas.StoreID) (*Store, error) {
	reg, err := p.Registered(ctx, id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if have, is := p.open[id]; is && have.revision == reg.Revision {
		return have.Store, nil
	}
	s, err := p.connect(&reg)
	if err != nil {
		return nil, err
	}
	if p.open == nil {
		p.open = map[schemas.StoreID]opened{}
	}
	p.open[id] = opened{s, reg.Revision}
	return s, nil
}

// connect makes a store of its registration.
func (p *Pool) connect(reg *schemas.Store) (*Store, error) {
	c, err := p.Credentials(reg)
	if err != nil {
		return nil, err
	}
	return New(reg.ID, reg.Endpoint, reg.Region, c, Own(reg.Own), Idle(p.Idle), Believe(p.Roots), Public(reg.PublicEndpoint))
}

// reachWithin is how long a store that is to be registered may take for all its buckets.
const reachWithin = 15 * time.Second

// Reaches says whether a store that is to be registered answers, and has the buckets that
// its registration names. Errors: Invalid with what is wrong where, and those of
// Credentials.
func (p *Pool) Reaches(ctx context.Context, reg schemas.Store) error {
	s, err := p.connect(&reg)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, reachWithin)
	defer stop()
	named := map[string]string{} // bucket to the pointer that names it first
	if reg.WorkBucket != "" {
		named[reg.WorkBucket] = "/work_bucket"
	}
	for i, x := range reg.Prefixes {
		if named[x.Bucket] == "" {
			named[x.Bucket] = fmt.Sprintf("/prefixes/%d/bucket", i)
		}
	}
	for _, bucket := range slices.Sorted(maps.Keys(named)) {
		err := s.Reaches(ctx, bucket)
		if err != nil {
			return unreached(&reg, named[bucket], err)
		}
	}
	return nil
}

// unreached says where in a registration the fault lies that a bucket at a pointer met: in
// the bucket's name where the store does not have it, else in the endpoint.
func unreached(reg *schemas.Store, at string, err error) error {
	e, known := errors.AsType[*schemas.Error](err)
	if !known { // the context ended first
		e = &schemas.Error{
			Message: fmt.Sprintf("store %s did not answer in %d seconds", reg.ID, reachWithin/time.Second),
			Remedy:  "check the endpoint",
		}
	}
	if e.Kind != schemas.NotFound {
		at = "/endpoint"
	}
	bad := schemas.BadField("store", at, "%s", e.Message)
	bad.Remedy = e.Remedy + "; a store that comes later is registered unchecked: guichet store add --unchecked"
	return bad
}
