package flight

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"guichet/schemas"
)

type callKey struct{}

// call is what the HTTP side knows of one call, and what is logged of it.
type call struct {
	address netip.Addr
	control *http.ResponseController
	code    codes.Code
	bytes   int64
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// bearer finds the lease's token in the call's metadata.
func bearer(ctx context.Context) (string, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, h := range md.Get("authorization") {
		scheme, token, ok := strings.Cut(h, " ")
		if ok && strings.EqualFold(scheme, "bearer") && token != "" {
			return token, nil
		}
	}
	return "", &schemas.Error{Kind: schemas.Unauthenticated, Subject: "lease", Message: "a byte door opens with a lease as bearer token only", Remedy: "get a lease: POST /api/v1/leases, and send it as authorization: Bearer …"}
}
