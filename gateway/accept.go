package gateway

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/schemas"
)

// written are the media types in which the API answers.
func written() []string {
	return []string{"application/json", "application/ld+json", "application/yaml", "application/x-yaml"}
}

// accepted refuses who wants answers in types only that are not written here, before any
// work is done: JSON in place of what was asked for would be taken for it. Parts of the
// record, which are files, say their own types.
func (s *Server) accepted(c *gin.Context) {
	said := strings.Join(c.Request.Header.Values("Accept"), ",")
	if strings.TrimSpace(said) == "" || strings.HasPrefix(c.FullPath(), "/api/v1/audit/") ||
		strings.HasPrefix(c.FullPath(), "/api/v1/openapi") {
		return
	}
	for _, kind := range written() {
		if accepts(said, kind) {
			return
		}
	}
	p := problem.Of(
		&schemas.Error{
			Kind:    schemas.Invalid,
			Subject: "Accept",
			Message: fmt.Sprintf("%.200q is not written here; there are %s", said, strings.Join(written(), ", ")),
			Remedy:  "send Accept: application/json",
		},
		s.deps.Log,
	)
	p.Status, p.Title = http.StatusNotAcceptable, "Not written in that form"
	problem.Write(c.Writer, p)
	c.Abort()
}

// accepts says whether an Accept header lets a type through: the most specific of its
// ranges that meets the type decides [RFC 9110 §12.5.1].
func accepts(said, kind string) bool {
	best, ok := 0, false
	for _, one := range strings.Split(said, ",") {
		name, params, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		specific := 0
		switch {
		case name == kind && ofProfile(params["profile"]):
			specific = 3
		case strings.HasSuffix(name, "/*") && strings.HasPrefix(kind, strings.TrimSuffix(name, "*")):
			specific = 2
		case name == "*/*":
			specific = 1
		}
		if specific <= best {
			continue
		}
		weight := 1.0
		if q, said := params["q"]; said {
			weight, err = strconv.ParseFloat(q, 64)
		}
		best, ok = specific, err == nil && weight > 0
	}
	return ok
}

// ofProfile says whether JSON-LD is written in a profile: compacted, as JSON-LD calls what
// is written, or none in particular.
func ofProfile(profile string) bool {
	for _, p := range strings.Fields(profile) {
		if p != "http://www.w3.org/ns/json-ld#compacted" {
			return false
		}
	}
	return true
}
