package s3

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

// Fault is what a store does that no waiting mends, in words that go after its name
// and tell no place. An Unavailable error wraps it.
type Fault string

// The faults. Stalls and Endless may pass; the others are the store's way.
const (
	Forbids     Fault = "refuses what the gateway asks of it (403)"
	NoTime      Fault = "does not say when an object was last changed (no Last-Modified)"
	NoETag      Fault = "does not say which object it sends (no ETag)"
	NoLength    Fault = "does not say how long an object is"
	OtherLength Fault = "says two lengths of one object"
	OtherETag   Fault = "says another ETag of an object than when it was written"
	NoRange     Fault = "ignores Range: it sends a whole object where a part was asked for"
	OtherRange  Fault = "sends another part of an object than was asked for"
	NoCondition Fault = "ignores If-Match: it sends an object that has another ETag than was asked for"
	Stalls      Fault = "began an answer and stopped in the middle"
	Endless     Fault = "gives an answer that has no end or repeats itself"
	Redirects   Fault = "sends the gateway elsewhere (a redirect), which it does not follow"
)

func (f Fault) Error() string { return "the store " + string(f) }

// Remedy says what helps.
func (f Fault) Remedy() string {
	switch f {
	case Forbids:
		return "the operator looks at the credentials of the store, and at what they allow"
	case Stalls, Endless:
		return "try again in a moment; if it stays so the operator looks at the store"
	case Redirects:
		return "the operator registers the store's own endpoint and region"
	}
	return "the operator looks at the store: an S3 store answers so; what lies before it, such as a proxy, may change its answers"
}

// maxWords bounds what a store's own words take in our log.
const maxWords = 300

// short cuts a store's own words.
func short(err error) error {
	resp := minio.ToErrorResponse(err)
	if len(resp.Message) <= maxWords && len(resp.Code) <= maxWords {
		return err
	}
	cut := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxWords)], "") }
	return fmt.Errorf("status %d: %s: %s …", resp.StatusCode, cut(resp.Code), cut(resp.Message))
}

// faultOf finds the fault in an error; "" is none.
func faultOf(err error) Fault {
	if f, ok := errors.AsType[Fault](err); ok {
		return f
	}
	resp := minio.ToErrorResponse(err)
	switch {
	case resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized:
		return Forbids
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified:
		return Redirects
	case strings.HasPrefix(resp.Message, "Last-Modified "): // minio-go reads no object without it
		return NoTime
	}
	return ""
}
