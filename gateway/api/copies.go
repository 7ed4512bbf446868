package api

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"guichet/policy/agreement/lease"
	"guichet/schemas"
)

// copyPost asks for a staged copy.
type copyPost struct {
	Caller
	RawBody []byte
	Body    schemas.CopyAsk
}

// copyOpen opens a staged copy.
type copyOpen struct {
	Caller
	ID      schemas.LeaseID `path:"id"`
	RawBody []byte
	Body    schemas.OpenAsk
}

// copyReads hands back what was read of a staged copy.
type copyReads struct {
	Caller
	ID      schemas.LeaseID `path:"id"`
	RawBody []byte
	Body    schemas.ReadsAsk
}

// holder is who asks about a staged copy: signed in, or by the signature of a job key.
func (c *Caller) holder(path string, body []byte) lease.Caller {
	at, _ := netip.ParseAddr(c.address) // unknown ones lie nowhere
	return lease.Caller{By: c.by, Token: c.lease, Path: path, Body: body, From: at}
}

// copies are data that are kept where jobs run.
func (s *server) copies(a huma.API) {
	op(s, a, operation{http.MethodPost, "/copies", "stage-copy", "agreements",
		"A staged copy of what an agreement covers: files that its owner keeps encrypted, and reads while it is open"},
		func(ctx context.Context, in *copyPost) (*One[schemas.CopyAnswer], error) {
			r, err := s.Leases.Stage(ctx, in.holder("/copies", in.RawBody), in.Body)
			if err != nil {
				return nil, err
			}
			return made(r, 0, "/api/v1/copies/"+string(r.Copy.ID)), nil
		})
	op(s, a, operation{http.MethodGet, "/copies", "list-copies", "agreements",
		"Staged copies of the caller's projects, and of the caller's data"},
		func(ctx context.Context, in *jobKeyList) (*List[schemas.Lease], error) {
			r, next, err := s.Leases.Copies(ctx, in.by, in.Cursor, in.Limit)
			return listOf(r, next), err
		})
	op(s, a, operation{http.MethodGet, "/copies/{id}", "get-copy", "agreements",
		"A staged copy, with what was read of it"}, func(ctx context.Context, in *jobKeyID) (*One[schemas.Lease], error) {
		l, err := s.Leases.Copy(ctx, in.by, in.ID)
		return oneOr(l, 0, err)
	})
	op(s, a, operation{http.MethodPost, "/copies/{id}/open", "open-copy", "agreements",
		"What a staged copy is decrypted with, for a while"}, func(ctx context.Context, in *copyOpen) (*One[schemas.OpenAnswer], error) {
		r, err := s.Leases.Open(ctx, in.holder("/copies/"+string(in.ID)+"/open", in.RawBody), in.ID, in.Body)
		return oneOr(r, 0, err)
	})
	op(s, a, operation{http.MethodPost, "/copies/{id}/reads", "hand-back-reads", "agreements",
		"Hand back what was read of a staged copy"}, func(ctx context.Context, in *copyReads) (*One[schemas.ReadsOfCopy], error) {
		r, err := s.Leases.HandBack(ctx, in.holder("/copies/"+string(in.ID)+"/reads", in.RawBody), in.ID, in.Body)
		return oneOr(r, 0, err)
	})
}
