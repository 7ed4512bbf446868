package s3face

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"guichet/gateway/stream"
	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/schemas"
)

// Door answers as a read-only S3. Safe for concurrent use.
type Door struct {
	Leases   *lease.Leases
	Refusals *refusal.Refusals
	Stream   *stream.Engine
	Log      *slog.Logger
	Now      func() time.Time
	Address  func(r *http.Request) netip.Addr // where a request came from
	Ended    func(c Call)                     // told of every request, if not nil
}

// Call is how a request went.
type Call struct {
	Operation string // of S3's API; none for what it does not have here
	Status    int
	Bytes     int64 // of the answer's body
	Took      time.Duration
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := d.Now()
	c := &call{door: d, r: r, w: &answer{ResponseWriter: w}, id: requestID(), operation: "none"}
	defer func() { // also when the connection is cut
		took := d.Now().Sub(began)
		d.Log.Info("request", "method", r.Method, "route", "s3 "+c.operation, "status", c.w.status, "bytes", c.w.bytes, "ms",
			float64(took.Microseconds())/1000, "by", c.lease.ID, "about", c.bucket)
		if d.Ended != nil {
			d.Ended(Call{c.operation, c.w.status, c.w.bytes, took})
		}
	}()
	c.w.Header().Set("x-amz-request-id", c.id)
	c.w.Header().Set("Server", "Guichet")
	err := c.serve()
	if err != nil {
		c.fail(err)
	}
}

// call is one request while it is answered.
type call struct {
	door      *Door
	r         *http.Request
	w         *answer
	id        string
	operation string
	token     string        // of the lease whose key signed it
	lease     schemas.Lease // that it was granted under
	bucket    schemas.AgreementID
	key       string
}

// answer counts what is sent.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader is http.ResponseWriter's.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write is http.ResponseWriter's.
func (a *answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// requestID names a request to people who ask the operator about it.
func requestID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return strings.ToUpper(hex.EncodeToString(b))
}

// serve answers, or says why not.
func (c *call) serve() error {
	err := readOnly(c.r)
	if err != nil {
		return err
	}
	s, err := readSignature(c.r)
	if err != nil {
		return err
	}
	secret, token, ok := c.door.Leases.S3Key(s.accessKeyID)
	if !ok {
		return unauthenticated("InvalidAccessKeyId", "the access key id is not one of this gateway: %s", keyRemedy, short(s.accessKeyID))
	}
	err = s.check(c.r, secret, c.door.Now())
	if err != nil {
		return err
	}
	c.token = token
	q, err := readQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	c.bucket, c.key = place(c.r)
	return c.answer(q)
}

// answer does the operation that a request names.
func (c *call) answer(q query) error {
	if name := q.notHere(c.key != ""); name != "" {
		return failure(http.StatusNotImplemented, "NotImplemented", "?%s is not done here: this is a read-only S3 of objects and lists", name)
	}
	head := c.r.Method == http.MethodHead
	switch {
	case c.bucket == "" && c.key != "": // of an endpoint that ends in a slash
		return failure(http.StatusNotFound, "NoSuchBucket", "the path %.200q names no bucket: it begins with two slashes", c.r.URL.Path)
	case c.bucket == "" && !head:
		c.operation = "ListBuckets"
		return c.listBuckets()
	case c.bucket == "":
		return failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "HEAD needs a bucket")
	case c.key != "" && head:
		c.operation = "HeadObject"
		return c.object()
	case c.key != "":
		c.operation = "GetObject"
		return c.object()
	case head:
		c.operation = "HeadBucket"
		return c.headBucket()
	case q.has("location"):
		c.operation = "GetBucketLocation"
		return c.location()
	case q.get("list-type") == "2":
		c.operation = "ListObjectsV2"
		return c.listObjects(q)
	default:
		c.operation = "ListObjects"
		return c.listObjects(q)
	}
}

// place finds bucket and key of a request: in its path, or where the host's first label is an
// agreement, the bucket there.
func place(r *http.Request) (schemas.AgreementID, string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	label, rest, _ := strings.Cut(r.Host, ".")
	if strings.HasPrefix(label, "agr-") && rest != "" {
		return schemas.AgreementID(label), path
	}
	bucket, key, _ := strings.Cut(path, "/")
	return schemas.AgreementID(bucket), key
}

// grant asks policy for a part of the call's bucket; empty is all of it.
func (c *call) grant(
	ctx context.Context, bucket schemas.AgreementID, version schemas.VersionID, table, split string,
) (policy.Grant, error) {
	g, err := policy.Authorize(ctx, c.door.Leases.LookUp, c.token, policy.StreamRequest{
		Door: "s3", Agreement: bucket, Version: version, Table: table, Split: split, Address: c.door.Address(c.r),
	}, c.door.Now())
	if err == nil {
		c.lease = g.Lease()
	}
	return g, err
}

// headBucket says that the bucket is there for the caller.
func (c *call) headBucket() error {
	_, err := c.grant(c.r.Context(), c.bucket, "", "", "")
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// locationConstraint is GetBucketLocation's answer; none is us-east-1, and any is taken.
type locationConstraint struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
}

func (c *call) location() error {
	_, err := c.grant(c.r.Context(), c.bucket, "", "", "")
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, locationConstraint{})
}

// xml writes an answer in XML; an error to a ranged request is no longer than the range, since
// some clients read it into a buffer of that size.
func (c *call) xml(status int, body any) error {
	b, err := xml.Marshal(body)
	if err != nil {
		return err
	}
	b = append([]byte(xml.Header), b...)
	h := c.w.Header()
	if c.r.Method == http.MethodHead || status >= http.StatusBadRequest && int64(len(b)) > bodyRoom(c.r) {
		h.Set("Content-Length", "0")
		if c.r.Method == http.MethodHead {
			h.Del("Content-Length")
		}
		c.w.WriteHeader(status)
		return nil
	}
	h.Set("Content-Type", "application/xml")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b) // the client may be gone
	return nil
}
