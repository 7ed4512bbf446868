package body

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/gateway/problem"
	"guichet/schemas"
)

// maxFaults is how many faults of an input are told: who sends thousands reads no more.
const maxFaults = 10

// Problem turns huma's own findings about an input into our problem, without
// echoing what was sent.
func Problem(status int, msg string, errs []error) huma.StatusError {
	for _, err := range errs {
		if p, ok := errors.AsType[*schemas.Problem](err); ok {
			return p
		}
		if p, ok := carried(err); ok {
			return p
		}
	}
	k := schemas.Invalid
	switch status {
	case http.StatusRequestEntityTooLarge:
		k = schemas.TooLarge
	case http.StatusNotFound:
		k = schemas.NotFound
	case http.StatusInternalServerError:
		k = schemas.Internal
	}
	row := problem.Table(k)
	p := &schemas.Problem{Type: "urn:guichet:problem:" + k.String(), Title: row.Title, Status: status, Detail: msg}
	if k == schemas.Internal {
		p.Detail = "something went wrong on our side"
		return p
	}
	for i, err := range errs {
		if i == maxFaults {
			p.Errors = append(p.Errors, schemas.FieldError{Message: fmt.Sprintf("and %d more", len(errs)-i)})
			break
		}
		d, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			p.Errors = append(p.Errors, schemas.FieldError{Message: err.Error()})
			continue
		}
		p.Errors = append(p.Errors, schemas.FieldError{Pointer: pointer(d.Location), Message: problem.InWords(d.Message)})
	}
	return p
}

// pointer turns huma's body.a[0].b into /a/0/b; query.x into x.
func pointer(location string) string {
	rest, inBody := strings.CutPrefix(location, "body")
	if !inBody {
		_, name, _ := strings.Cut(location, ".")
		return name
	}
	return strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(rest)
}
