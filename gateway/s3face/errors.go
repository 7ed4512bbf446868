package s3face

import (
	"context"
	"encoding/xml"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"guichet/gateway/door"
	"guichet/gateway/problem"
	"guichet/schemas"
)

// refused is an error that has a code of S3's own.
type refused struct {
	status int
	code   string
	why    *schemas.Error
	clock  *clock // of RequestTimeTooSkewed
}

// clock is what a client mends its clock by.
type clock struct {
	request, server time.Time
}

func (e *refused) Error() string { return e.why.Error() }
func (e *refused) Unwrap() error { return e.why }

// failure is an error of a request that S3 has a code for.
func failure(status int, code, format string, args ...any) error {
	return &refused{status: status, code: code, why: schemas.Errorf(schemas.Invalid, code, format, args...)}
}

// keyRemedy is what helps who has no good key.
const keyRemedy = "get a lease, whose answer has the key: POST /api/v1/leases, or guichet lease --aws"

// unauthenticated is the refusal of a request without a good signature. S3 answers such with
// 403 [S3 API, Error Responses].
func unauthenticated(code, format, remedy string, args ...any) error {
	e := schemas.Errorf(schemas.Unauthenticated, "s3 key", format, args...)
	e.Remedy = remedy
	return &refused{status: http.StatusForbidden, code: code, why: e}
}

// errorBody is S3's error document.
type errorBody struct {
	XMLName     xml.Name `xml:"Error"`
	Code        string
	Message     string
	Resource    string `xml:",omitempty"`
	RequestID   string `xml:"RequestId"`
	RequestTime string `xml:",omitempty"`
	ServerTime  string `xml:",omitempty"`
	MaxSkew     int64  `xml:"MaxAllowedSkewMilliseconds,omitempty"`
}

// fail answers with an error, and records what is a refusal.
func (c *call) fail(err error) {
	d := c.door
	late := d.Refusals.RefusedBytes(context.WithoutCancel(c.r.Context()), c.token, door.Shown(d.Address(c.r)), "s3", err)
	if late != nil {
		d.Log.Error("a refusal is not recorded", "err", late)
	}
	p := problem.Of(err, d.Log)
	status, code := c.coded(schemas.KindOf(err), p)
	body := errorBody{Code: code, Message: short(problem.InOneText(p)), Resource: c.r.URL.Path, RequestID: c.id}
	if own, ok := errors.AsType[*refused](err); ok {
		status, body.Code = own.status, own.code
		if own.clock != nil {
			body.RequestTime, body.ServerTime = own.clock.request.Format(amzDate), own.clock.server.UTC().Format(time.RFC3339)
			body.MaxSkew = maxSkew.Milliseconds()
		}
	}
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD")
	}
	err = c.xml(status, body)
	if err != nil {
		d.Log.Error("an S3 error cannot be written", "err", err)
	}
}

// coded gives status and code of a kind of error, as S3 has them.
func (c *call) coded(k schemas.Kind, p *schemas.Problem) (int, string) {
	switch k {
	case schemas.Invalid:
		return http.StatusBadRequest, "InvalidArgument"
	case schemas.Unauthenticated: // the signature was good: the lease is over
		return http.StatusForbidden, "ExpiredToken"
	case schemas.Denied:
		return http.StatusForbidden, "AccessDenied"
	case schemas.NotFound:
		if c.key == "" || p.Subject == string(c.bucket) {
			return http.StatusNotFound, "NoSuchBucket"
		}
		return http.StatusNotFound, "NoSuchKey"
	case schemas.TooLarge:
		return http.StatusBadRequest, "EntityTooLarge"
	case schemas.Busy:
		return http.StatusServiceUnavailable, "SlowDown"
	case schemas.Unavailable:
		return http.StatusServiceUnavailable, "ServiceUnavailable"
	case schemas.Gone:
		return http.StatusGone, "Gone"
	case schemas.Conflict:
		return http.StatusConflict, "OperationAborted"
	case schemas.Precondition:
		return http.StatusPreconditionFailed, "PreconditionFailed"
	default:
		return http.StatusInternalServerError, "InternalError"
	}
}

// short cuts what a caller may have chosen the length of.
func short(s string) string {
	const most = 2048
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// bodyRoom is how long a body may be that is not the object's: as long as the range that was
// asked for, where its length is said.
func bodyRoom(r *http.Request) int64 {
	from, to, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	if !ok || to == "" {
		return math.MaxInt64
	}
	hi, err := strconv.ParseInt(to, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	if from == "" {
		return hi
	}
	lo, err := strconv.ParseInt(from, 10, 64)
	if err != nil || hi < lo {
		return math.MaxInt64
	}
	return max(hi-lo, hi-lo+1) // some ask up to the largest number
}

// noKey is the answer to a key that names no object.
func noKey(key string) error {
	return schemas.Errorf(schemas.NotFound, "key", "there is no object %.200q; keys are version/table/split/00000.arrow", key)
}
