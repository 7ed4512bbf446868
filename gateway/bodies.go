package gateway

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/connectors/rdf"
	"guichet/gateway/api"
	"guichet/gateway/api/rights"
	"guichet/gateway/door"
	"guichet/gateway/problem"
	"guichet/policy/agreement/lease"
	"guichet/schemas"
)

// Bounds of bodies. A body is read when it is known who calls and that the caller may; what
// it takes to hold and to parse is bounded for all of them together, apart for
// strangers, so that these never keep members waiting.
const (
	bodyTime    = 5 * time.Second // for a body to come, whole
	bodyWait    = 2 * time.Second // for room to read or parse it
	strangeBody = 64 << 10        // bytes that a caller without a token of an issuer may send
	smallBody   = 64 << 10        // bytes that are read apart from larger bodies
	firstStep   = 4 << 10         // bytes that a body takes before any came; more as more come
	maxValues   = 1 << 17         // of a JSON document
	fewValues   = 1 << 12         // of a stranger's
	maxNested   = 64
)

// bodies is the room for bodies of all requests together. Small ones, and operations
// that take data out of reach, have theirs apart: no flood of large ones delays a
// revocation.
type bodies struct{ members, small, brakes, strangers bodyRoom }

// bodyRoom is for the bytes being read or held, and for what parsing makes of them.
type bodyRoom struct{ held, parsed *sharedQuota }

func newBodies() bodies {
	of := func(held, parsed int64, wait time.Duration) bodyRoom {
		return bodyRoom{newSharedQuota(held, wait), newSharedQuota(parsed, wait)}
	}
	return bodies{
		members:   of(32<<20, 48<<20, bodyWait),
		small:     of(8<<20, 16<<20, bodyWait),
		brakes:    of(4<<20, 8<<20, bodyWait),
		strangers: of(8<<20, 8<<20, 0),
	}
}

// of is the room for a member's body, and how many bytes of it are read there.
func (b *bodies) of(right rights.Right, size int64) (r bodyRoom, most int64) {
	switch {
	case right.Brake:
		return b.brakes, smallBody
	case size >= 0 && size <= smallBody:
		return b.small, api.MaxBody
	default:
		return b.members, api.MaxBody
	}
}

// weight is how many bytes of memory a parser makes of one byte, at the worst.
func weight(kind string) int64 {
	_, isRDF := rdf.FormatOf(kind)
	if isRDF || strings.HasSuffix(kind, "yaml") || strings.HasSuffix(kind, "+json") {
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
		_ = http.NewResponseController(c.Writer).
			SetReadDeadline(time.Now().Add(bodyTime))
		// not every writer can; then the server's own limit stands
	}
}

// read asks who calls and whether the caller may, and only then reads the body of a write.
func (s *Server) read(c *gin.Context) {
	right, ok := s.gate.Right(c.Request.Method, strings.TrimPrefix(c.FullPath(), "/api/v1"))
	if !ok {
		return
	}
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	token, _ := c.Value(api.LeaseKey).(string)
	room, most := s.bodies.of(right, c.Request.ContentLength)
	values, known := maxValues, by.SignedIn()
	if right.Lease && token != "" {
		most, values = strangeBody, fewValues
		known = s.deps.Leases.Minted(token)
		if !known && !lease.IsJobKey(token) { // whose signature can be seen once the body is there
			s.refuse(
				c,
				by,
				&schemas.Error{
					Kind:    schemas.Unauthenticated,
					Subject: "lease",
					Message: "the lease was not made here",
					Remedy:  "get a lease: POST /api/v1/leases",
				},
			)
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
	kind, err := bodyKind(c, values == maxValues)
	if err != nil {
		s.fail(c, err)
		return
	}
	owner := string(by.Participant)
	switch {
	case !known || token != "":
		owner = "at\x00" + door.Shown(door.Address(c.Request, s.deps.Behind))
	case owner == "":
		owner = "who\x00" + by.Issuer + "\x00" + by.Subject
	}
	free, err := s.take(c, room, owner, bodyLimits{most, values}, kind)
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
		return "", schemas.BadField("request", "Content-Type", "%q is not a media type", sent)
	}
	if !signedIn && kind != "application/json" {
		return "", schemas.BadField("request", "Content-Type", "without a token of an issuer only application/json is read here")
	}
	return kind, nil
}

// bodyLimits are what a body has at most: bytes, and values of JSON.
type bodyLimits struct {
	bytes  int64
	values int
}

// take reads the body into gin's context, when there is room for it; free gives the
// room back. What parsing takes is given back as soon as the body is parsed.
// Errors: TooLarge, Busy, Invalid, or a problem for a body that does not come.
func (s *Server) take(c *gin.Context, room bodyRoom, owner string, l bodyLimits, kind string) (free func(), err error) {
	size := c.Request.ContentLength
	if size > l.bytes {
		return nil, schemas.Errorf(schemas.TooLarge, "request", "the body has %d bytes; at most %d are read here", size, l.bytes)
	}
	held, parsed := &stay{room: room.held, owner: owner}, &stay{room: room.parsed, owner: owner}
	body, err := readBody(c, held, l.bytes)
	if err == nil && !strings.HasSuffix(kind, "yaml") { // whose reader looks for itself
		err = plainBody(body)
	}
	if err == nil && weight(kind) == 8 {
		err = rdf.Bound(body, rdf.Limits{Bytes: int(l.bytes), Depth: maxNested, Values: l.values})
	}
	if err == nil {
		err = parsed.grow(c.Request.Context(), int64(len(body))*weight(kind))
	}
	if err != nil {
		held.leave()
		return nil, err
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	c.Request.ContentLength = int64(len(body))
	c.Set(bodyKey, body)
	c.Set(api.ParsedKey, parsed.leave)
	return func() { parsed.leave(); held.leave() }, nil
}

// readBody reads a body. It takes room as bytes come, not as they are announced: who
// sends nothing holds next to nothing.
func readBody(c *gin.Context, held *stay, most int64) ([]byte, error) {
	if c.Request.Body == nil || c.Request.Body == http.NoBody {
		return []byte{}, nil
	}
	end := most // bytes, and one more where the body is seen to end
	if c.Request.ContentLength >= 0 {
		end = c.Request.ContentLength
	}
	deadline := http.NewResponseController(c.Writer)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTime)) // not every writer can; then the server's own limit stands
	from := http.MaxBytesReader(c.Writer, c.Request.Body, end)
	var body []byte
	var err error
	for err == nil {
		if len(body) == cap(body) {
			step := min(max(2*int64(cap(body)), firstStep), end+1)
			err = held.grow(c.Request.Context(), step)
			if err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, step), body...)
		}
		var n int
		n, err = from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
	}
	if errors.Is(err, io.EOF) {
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
