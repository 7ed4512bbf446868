// Package problem turns errors into what a caller may read: one table from
// schemas.Kind to HTTP status, gRPC code and exit status, and RFC 9457 bodies.
//
// Always: the cause (schemas.Error.Err) and the text of Internal errors never
// leave; an error without a Kind is Internal.
package problem

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"google.golang.org/grpc/codes"

	"guichet/schemas"
)

// Row is how one Kind shows at every door.
type Row struct {
	HTTP  int
	GRPC  codes.Code
	Exit  int // of the command line: 1 refused or failed, 2 wrong usage
	Title string
}

// Table gives the row of a Kind.
func Table(k schemas.Kind) Row {
	switch k {
	case schemas.Invalid:
		return Row{http.StatusUnprocessableEntity, codes.InvalidArgument, 2, "The input has faults"}
	case schemas.Unauthenticated:
		return Row{http.StatusUnauthorized, codes.Unauthenticated, 1, "Sign in first"}
	case schemas.Denied:
		return Row{http.StatusForbidden, codes.PermissionDenied, 1, "Not allowed"}
	case schemas.NotFound:
		return Row{http.StatusNotFound, codes.NotFound, 1, "Not found"}
	case schemas.Conflict:
		return Row{http.StatusConflict, codes.AlreadyExists, 1, "Contradicts what is stored"}
	case schemas.Precondition:
		return Row{http.StatusPreconditionFailed, codes.FailedPrecondition, 1, "Changed meanwhile"}
	case schemas.Gone:
		return Row{http.StatusGone, codes.FailedPrecondition, 1, "No longer there"}
	case schemas.TooLarge:
		return Row{http.StatusRequestEntityTooLarge, codes.ResourceExhausted, 1, "Too large"}
	case schemas.Busy:
		return Row{http.StatusServiceUnavailable, codes.Unavailable, 1, "Not ready yet"}
	case schemas.Unavailable:
		return Row{http.StatusServiceUnavailable, codes.Unavailable, 1, "Something we need does not answer"}
	default:
		return Row{http.StatusInternalServerError, codes.Internal, 1, "A fault of ours"}
	}
}

// Of makes the body for an error, and logs what the caller may not read.
func Of(err error, log *slog.Logger) *schemas.Problem {
	if p, ok := errors.AsType[*schemas.Problem](err); ok {
		return p
	}
	k := schemas.KindOf(err)
	row := Table(k)
	p := &schemas.Problem{Type: "urn:guichet:problem:" + k.String(), Title: row.Title, Status: row.HTTP}
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || k == schemas.Internal {
		p.Instance = "urn:guichet:occurrence:" + occurrence()
		p.Detail = "something went wrong on our side; the operator finds it by the instance"
		if errors.Is(err, context.Canceled) { // nobody is there to be answered
			log.Info("a caller went away", "instance", p.Instance, "err", err)
			return p
		}
		log.Error("internal error", "instance", p.Instance, "err", err)
		return p
	}
	p.Detail, p.Subject, p.Errors, p.Reasons, p.Remedy = e.Message, e.Subject, e.Fields, e.Reasons, e.Remedy
	if k == schemas.Unavailable {
		p.Instance = "urn:guichet:occurrence:" + occurrence()
		log.Warn("something we need does not answer", "instance", p.Instance, "err", err)
	}
	return p
}

func occurrence() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Write answers with the problem.
func Write(w http.ResponseWriter, p *schemas.Problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	Headers(h, p)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}

// Headers sets what belongs to a status: how to sign in, when to come again.
func Headers(h http.Header, p *schemas.Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+ascii(p.Detail)+`"`)
	case http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "1")
		}
	}
	h.Set("Cache-Control", "no-store")
}

func ascii(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			b[i] = '\''
		}
	}
	return string(b)
}
