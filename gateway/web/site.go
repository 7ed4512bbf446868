// Package web is the site: pages for people, made of what the API answers.
//
// In: requests of browsers, by way of gateway/web/page. Out: HTML that works without scripts.
// Always: each page is made of the API's answers to the person who looks. It must not hold a rule
// of its own: who may see or do what, the API says.
package web

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/gin-gonic/gin"

	"guichet/gateway/web/join"
	"guichet/gateway/web/page"
	"guichet/gateway/web/saved"
)

//go:embed templates/*.html
var templates embed.FS

// Site is all pages. Safe for concurrent use.
type Site struct{ *page.Site }

// New reads words and templates.
func New(c page.Config) (*Site, error) {
	own, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, fmt.Errorf("find the templates: %w", err)
	}
	joining, err := join.Part()
	if err != nil {
		return nil, err
	}
	searches, err := saved.Part()
	if err != nil {
		return nil, err
	}
	s, err := page.New(c, joining, searches, page.Part{
		Templates: own,
		Pages: map[string]func(v *page.Visit) error{
			"/":                 home,
			"/datasets":         results,
			"/datasets/:id/ask": page.Signed(ask),
			"/requests":         page.Signed(requests),
			"/requests/:id":     page.Signed(request),
			"/agreements":       page.Signed(agreements),
			"/agreements/:id":   page.Signed(agreement),
			"/record":           page.Signed(record),
			"/me":               page.Signed(me),
			"/operate":          page.Signed(operate),
		},
		Files: map[string]func(v *page.Visit) error{
			"/record/bundle": page.Signed(bundle),
		},
		Forms: map[string]func(v *page.Visit) error{
			"/datasets/:id/ask":      page.Signed(askFor),
			"/datasets/:id/decision": page.Signed(decision),
			"/requests/:id/review":   page.Signed(review),
			"/agreements/:id/lease":  page.Signed(lease),
			"/agreements/:id/revoke": page.Signed(revoke),
		},
	})
	if err != nil {
		return nil, err
	}
	return &Site{s}, nil
}

// Dataset shows the dataset at whose address it is called; what else there is at it, the caller knows.
func (s *Site) Dataset(c *gin.Context) { s.At(c, dataset) }
