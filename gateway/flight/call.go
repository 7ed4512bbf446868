package flight

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// callKey is the context's key of a call.
type callKey struct{}

// call is what the HTTP side knows of one call, and what is logged of it. gRPC runs
// the call beside the HTTP handler, and when the client goes away the handler returns
// first: from then on nothing may touch its answer.
type call struct {
	address netip.Addr
	control *http.ResponseController
	mu      sync.Mutex
	over    bool
	code    codes.Code
	bytes   int64
	out     io.Writer // the answer, in pieces once a stream has begun
}

// answer is what gRPC writes to.
type answer struct {
	http.ResponseWriter
	call *call
}

// Write is http.ResponseWriter's.
func (a *answer) Write(p []byte) (int, error) {
	a.call.mu.Lock()
	out := a.call.out
	a.call.mu.Unlock()
	return out.Write(p)
}

// Flush is http.Flusher's, which gRPC asks for.
func (a *answer) Flush() {
	_ = http.NewResponseController(a.ResponseWriter).Flush() // a write that failed tells
}

// begin says that a stream has begun, whose client is watched.
func (c *call) begin(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = release.Pieces(ctx, c.out)
}

// cut lets net/http reset the answer after a while.
func (c *call) cut(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		_ = c.control.SetWriteDeadline(time.Now().Add(after)) // it fails only for an answer that is over
	}
}

func (c *call) sent(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += int64(n)
}

func (c *call) ended(code codes.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.code = code
}

// finish is the handler's last word: it gives what is to be logged.
func (c *call) finish() (codes.Code, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return c.code, c.bytes
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
	return "", &schemas.Error{
		Kind:    schemas.Unauthenticated,
		Subject: "lease",
		Message: "a byte door opens with a lease as bearer token only",
		Remedy:  "get a lease: POST /api/v1/leases, and send it as authorization: Bearer …",
	}
}

// from is where the call came from, as records have it.
func (c *call) from() string {
	if !c.address.IsValid() {
		return "unknown"
	}
	return c.address.String()
}
