package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"

	"guichet/connectors/rdf"
	"guichet/gateway/api"
	"guichet/gateway/problem"
	"guichet/schemas"
)

// Bounds of bodies. A body is read when it is known who calls and that she may; what
// it takes to hold and to parse is bounded for all of them together, apart for
// strangers, so that these never keep members waiting.
const (
	bodyTime    = 5 * time.Second // for a body to come, whole
	bodyWait    = 2 * time.Second // for room to read or parse it
	strangeBody = 64 << 10        // bytes that a caller without a token of an issuer may send
	maxValues   = 1 << 17         // of a JSON document
	fewValues   = 1 << 12         // of a stranger's
	maxNested   = 64
)

// bodies is the room for bodies of all requests together, in bytes.
type bodies struct{ members, strangers bodyRoom }

// bodyRoom is for the bytes being read or held, and for what parsing makes of them.
type bodyRoom struct {
	held, parsed       *semaphore.Weighted
	heldMost, partMost int64
	wait               time.Duration // for room; strangers wait for none, since what they send waits with them
}

func newBodies() bodies {
	room := func(held, parsed int64, wait time.Duration) bodyRoom {
		return bodyRoom{semaphore.NewWeighted(held), semaphore.NewWeighted(parsed), held, parsed, wait}
	}
	return bodies{members: room(32<<20, 48<<20, bodyWait), strangers: room(8<<20, 8<<20, 0)}
}

// weight is how many bytes of memory a parser makes of one byte, at the worst.
func weight(kind string) int64 {
	if strings.HasSuffix(kind, "yaml") || strings.HasSuffix(kind, "+json") {
		return 48
	}
	return 8
}

// bodyKey is where the body of a write lies in gin's context, []byte.
const bodyKey = "guichet.body"

// soon gives every body little time, also those that are never read: what refuses
// them waits for the rest of a short one.
func (s *Server) soon(c *gin.Context) {
	if c.Request.Body != nil && c.Request.Body != http.NoBody {
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(bodyTime)) // not every writer can; then the server's own limit stands
	}
}

// read asks who calls and whether she may, and only then reads the body of a write.
func (s *Server) read(c *gin.Context) {
	right, ok := s.gate.Right(c.Request.Method, strings.TrimPrefix(c.FullPath(), "/api/v1"))
	if !ok {
		return
	}
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	lease, _ := c.Value(api.LeaseKey).(string)
	room, most, values, known := s.bodies.members, int64(api.MaxBody), maxValues, by.SignedIn()
	if right.Lease && lease != "" {
		most, values = strangeBody, fewValues
		known = s.deps.Desk.Minted(lease)
		if !known {
			s.refuse(c, by, &schemas.Error{Kind: schemas.Unauthenticated, Subject: "lease", Message: "the lease was not made here", Remedy: "get a lease: POST /api/v1/leases"})
			return
		}
	} else if err := right.Check(by); err != nil {
		if e, ok := errors.AsType[*schemas.Error](err); ok && e.Kind == schemas.Denied && c.Param("id") != "" {
			e.Subject = c.Param("id") // what it was about, for the record
		}
		s.refuse(c, by, err)
		return
	}
	if !known {
		room, most, values = s.bodies.strangers, strangeBody, fewValues
	}
	err := s.paced(c, right, by)
	if err != nil {
		s.fail(c, err)
		return
	}
	kind, err := bodyKind(c, most == api.MaxBody)
	if err != nil {
		s.fail(c, err)
		return
	}
	free, err := s.take(c, room, most, values, kind)
	if err != nil {
		s.fail(c, err)
		return
	}
	defer free()
	c.Next()
}

// bodyKind is the media type of a body. Who is not signed in sends plain JSON: its
// parser costs least.
func bodyKind(c *gin.Context, signedIn bool) (string, error) {
	sent := c.GetHeader("Content-Type")
	if sent == "" {
		return "application/json", nil
	}
	kind, _, err := mime.ParseMediaType(sent)
	if err != nil {
		return "", schemas.BadField("request", "Content-Type", "%q is no media type", sent)
	}
	if !signedIn && kind != "application/json" {
		return "", schemas.BadField("request", "Content-Type", "without a token of an issuer only application/json is read here")
	}
	return kind, nil
}

// take reads the body into gin's context, when there is room for it; free gives the
// room back. Errors: TooLarge, Busy, Invalid, or a problem for a body that does not come.
func (s *Server) take(c *gin.Context, room bodyRoom, most int64, values int, kind string) (free func(), err error) {
	size := c.Request.ContentLength
	if size > most {
		return nil, schemas.Errorf(schemas.TooLarge, "request", "the body has %d bytes; at most %d are read here", size, most)
	}
	if size < 0 {
		size = most
	}
	ctx := c.Request.Context()
	giveHeld, err := enter(ctx, room.held, min(size, room.heldMost), room.wait)
	if err != nil {
		return nil, err
	}
	body, err := readBody(c, most)
	if err == nil && weight(kind) == 8 {
		err = plainBody(body)
	}
	if err == nil && weight(kind) == 8 {
		err = rdf.Bound(body, rdf.Limits{Bytes: int(most), Depth: maxNested, Values: values})
	}
	if err != nil {
		giveHeld()
		return nil, err
	}
	giveParsed, err := enter(ctx, room.parsed, min(int64(len(body))*weight(kind), room.partMost), room.wait)
	if err != nil {
		giveHeld()
		return nil, err
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	c.Request.ContentLength = int64(len(body))
	c.Set(bodyKey, body)
	return func() { giveParsed(); giveHeld() }, nil
}

// enter takes room, for which it waits so long at most. Errors: Busy.
func enter(ctx context.Context, s *semaphore.Weighted, n int64, wait time.Duration) (leave func(), err error) {
	if !s.TryAcquire(n) {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		err = s.Acquire(ctx, n)
	}
	if err != nil {
		return nil, &schemas.Error{Kind: schemas.Busy, Subject: "request", Message: "too many bodies are being read at once", Remedy: "try again in a moment", Err: err}
	}
	return func() { s.Release(n) }, nil
}

func readBody(c *gin.Context, most int64) ([]byte, error) {
	if c.Request.Body == nil || c.Request.Body == http.NoBody {
		return []byte{}, nil
	}
	deadline := http.NewResponseController(c.Writer)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTime)) // not every writer can; then the server's own limit stands
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, most))
	if err == nil {
		_ = deadline.SetReadDeadline(time.Time{}) // the operation may take longer
		return body, nil
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, schemas.Errorf(schemas.TooLarge, "request", "the body has more than %d bytes; no more are read here", most)
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		p := problem.Of(schemas.Errorf(schemas.Invalid, "request", "the body did not come within %s", bodyTime), nil)
		p.Status, p.Title = http.StatusRequestTimeout, "The body did not come"
		return nil, p
	}
	p := problem.Of(schemas.Errorf(schemas.Invalid, "request", "the body broke off"), nil)
	p.Status = http.StatusBadRequest
	return nil, p
}
