// Package web is the site: pages for people, made of what the API answers.
//
// In: requests of browsers, by way of gateway/web/page. Out: HTML that works without scripts.
// Always: each page is made of the API's answers to the person who looks. It must not hold a rule
// of its own: who may see or do what, the API says.
//
// Here are the pages of trainers; those of each other matter are a package below, and all are put together in New:
//
//	join      how one becomes a member, and whom one invites
//	operate   what the operator keeps, and calls
//	provide   what a provider does with her datasets; owner: what these pages have in common
//	publish   versions from places in stores and from files that are sent
//	record    the record, read and verified
//	report    reports of the record
//	saved     searches under a name
//	page      what all of them share: who visits, the API as she calls it, frame, words and parts
//	lines     lines to copy, for terminals and programs
//	rows      the first rows of a table as text
//	signin    sign-in with a browser
//	words     the words, in the languages of their readers
package web

import (
	"embed"

	"github.com/gin-gonic/gin"

	"guichet/gateway/web/courses"
	"guichet/gateway/web/join"
	"guichet/gateway/web/operate"
	"guichet/gateway/web/page"
	"guichet/gateway/web/provide"
	"guichet/gateway/web/publish"
	"guichet/gateway/web/record"
	"guichet/gateway/web/report"
	"guichet/gateway/web/saved"
)

//go:embed templates/*.html
var templates embed.FS

// Site is all pages. Safe for concurrent use.
type Site struct{ *page.Site }

// New reads words and templates.
func New(c page.Config) (*Site, error) {
	s, err := page.New(c, append(parts(), page.Part{
		Templates: templates,
		Pages: map[string]func(v *page.Visit) error{
			"/":                    home,
			"/datasets":            results,
			"/compare":             compare,
			"/datasets/:id/ask":    page.Signed(ask),
			"/datasets/:id/sample": sample,
			"/requests":            page.Signed(requests),
			"/requests/:id":        page.Signed(request),
			"/agreements":          page.Signed(agreements),
			"/agreements/:id":      page.Signed(agreement),
			"/runs":                page.Signed(runs),
			"/runs/:id":            page.Signed(run),
			"/kit/:id":             kit,
			"/back":                page.Signed(back),
			"/me":                  page.Signed(me),
		},
		Forms: map[string]func(v *page.Visit) error{
			"/datasets/:id/ask":         page.Signed(askFor),
			"/datasets/:id/decision":    page.Signed(decision),
			"/datasets/:id/sample/rows": page.Signed(sampleRead),
			"/requests/:id/review":      page.Signed(review),
			"/requests/:id/withdraw":    page.Signed(withdraw),
			"/agreements/:id/lease":     page.Signed(lease),
			"/agreements/:id/revoke":    page.Signed(revoke),
			"/runs/new":                 page.Signed(startRun),
			"/runs/:id/end":             page.Signed(endRun),
		},
	})...)
	if err != nil {
		return nil, err
	}
	return &Site{s}, nil
}

// parts are those of the packages below.
func parts() []page.Part {
	return []page.Part{provide.Part(), publish.Part(), record.Part(), report.Part(), join.Part(), saved.Part(), courses.Part(), operate.Part()}
}

// Dataset shows the dataset at whose address it is called; what else there is at it, the caller knows.
func (s *Site) Dataset(c *gin.Context) { s.At(c, dataset) }
