package gateway

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/connectors/croissant"
	"guichet/connectors/rdf"
	"guichet/gateway/api/body"
	"guichet/gateway/problem"
	"guichet/gateway/reports"
	"guichet/schemas"
)

// written are the media types in which an operation answers, the first where any will do.
func written(c *gin.Context) []string {
	switch c.FullPath() {
	case "/api/v1/catalogue":
		return []string{string(rdf.JSONLD), string(rdf.Turtle), string(rdf.RDFXML), "application/json"}
	case "/api/v1/catalogue/changes":
		return []string{string(rdf.JSONLD), "application/json"} // who takes any JSON takes JSON-LD
	case "/api/v1/reports/:name":
		return []string{"application/json", reports.CSV}
	case "/api/v1/reports/dossier":
		return []string{"application/zip"}
	}
	kinds := []string{"application/json", string(rdf.JSONLD), "application/yaml", "application/x-yaml"}
	if c.Request.Method == http.MethodGet && c.FullPath() == "/api/v1/datasets/:id" {
		kinds = append(kinds, string(rdf.Turtle), string(rdf.RDFXML), body.CroissantType)
	}
	return kinds
}

// accepted settles in which type an answer is written, and refuses who wants it in types
// only that are not, before any work is done: JSON in place of what was asked for would
// be taken for it. Parts of the record, which are files, say their own types.
func (s *Server) accepted(c *gin.Context) {
	c.Header("Vary", "Accept")
	said := strings.Join(c.Request.Header.Values("Accept"), ",")
	if strings.TrimSpace(said) == "" || strings.HasPrefix(c.FullPath(), "/api/v1/audit/") ||
		strings.HasPrefix(c.FullPath(), "/api/v1/openapi") {
		return
	}
	kinds := written(c)
	if kind := preferred(said, kinds); kind != "" {
		c.Request.Header.Set("Accept", strings.Replace(kind, body.CroissantType, body.Croissant, 1))
		return
	}
	p := problem.Of(
		&schemas.Error{
			Kind:    schemas.Invalid,
			Subject: "Accept",
			Message: fmt.Sprintf("%.200q is not written here; there are %s", said, strings.Join(kinds, ", ")),
			Remedy:  "send Accept: application/json",
		},
		s.deps.Log,
	)
	p.Status, p.Title = http.StatusNotAcceptable, "Not written in that form"
	problem.Write(c.Writer, p)
	c.Abort()
}

// accept is one range of an Accept header.
type accept struct {
	name, profile string
	weight        float64
}

// isBrowser says whether whoever calls would rather have a page than data: who names HTML, and likes
// nothing more that there is.
func isBrowser(r *http.Request) bool {
	said := strings.Join(r.Header.Values("Accept"), ",")
	const page = "text/html"
	return strings.Contains(said, page) && preferred(said, []string{page, "application/json", string(rdf.JSONLD), string(rdf.Turtle),
		string(rdf.RDFXML), "application/yaml"}) == page
}

// preferred is the type that an Accept header likes best: of its ranges the most specific that meets a type
// says its weight [RFC 9110 §12.5.1]. Of equal ones the range that stands first decides, then the order
// of the types; "" where none is let through.
func preferred(said string, kinds []string) string {
	var ranges []accept
	for _, one := range split(said) {
		name, params, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, given := params["q"]; given {
			weight, err = strconv.ParseFloat(q, 64)
		}
		if err != nil || !(weight >= 0 && weight <= 1) {
			weight = 0
		}
		ranges = append(ranges, accept{name, params["profile"], weight})
	}
	best, most, first := "", 0.0, len(ranges)
	for _, kind := range kinds {
		at, specific := -1, 0
		for i, r := range ranges {
			if of := r.meets(kind); of > specific {
				at, specific = i, of
			}
		}
		if at < 0 {
			continue
		}
		if w := ranges[at].weight; w > most || w == most && w > 0 && at < first {
			best, most, first = kind, w, at
		}
	}
	return best
}

// meets says how specific a range is for a type: 0 where it is none of it.
func (r accept) meets(kind string) int {
	switch {
	case kind == body.CroissantType: // asked for by its name alone: others want DCAT-AP
		if r.name == string(rdf.JSONLD) && slices.Contains(strings.Fields(r.profile), croissant.Profile) {
			return 3
		}
		return 0
	case r.name == kind && ofProfile(r.profile):
		return 3
	case strings.HasSuffix(r.name, "/*") && strings.HasPrefix(kind, strings.TrimSuffix(r.name, "*")):
		return 2
	case r.name == "*/*":
		return 1
	}
	return 0
}

// split gives the ranges of an Accept header; a comma within quotes is part of one.
func split(said string) []string {
	quoted := false
	return strings.FieldsFunc(said, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return c == ',' && !quoted
	})
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
