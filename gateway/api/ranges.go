package api

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"guichet/connectors/direct"
	"guichet/schemas"
)

// rangesPost asks for ranges of S3 objects by URL, with a lease as bearer token.
type rangesPost struct {
	Caller
	ID   schemas.AgreementID `path:"id"`
	Body direct.RangesAsk
}

// rangesAnswer has URLs in it, which nobody keeps.
type rangesAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         direct.Ranges
}

// ranges are what jobs read straight from S3.
func (s *server) ranges(a huma.API) {
	op(s, a, operation{http.MethodPost, "/agreements/{id}/ranges", "give-ranges", "bytes",
		"URLs with which ranges of what an agreement covers are read straight from S3, where site and terms permit it; a release by URL " +
			"begins with it"},
		func(ctx context.Context, in *rangesPost) (*rangesAnswer, error) {
			at, _ := netip.ParseAddr(in.address) // unknown ones lie nowhere
			r, err := s.Ranges(ctx, in.lease, at, in.ID, in.Body)
			if err != nil {
				return nil, err
			}
			return &rangesAnswer{CacheControl: "no-store", Body: r}, nil
		})
}
