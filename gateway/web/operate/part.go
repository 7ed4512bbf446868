// Package operate is the operator's pages: whether all is well, and what she keeps, each with the form that changes it;
// and the pages of calls, on which others ask and answer.
//
// In: forms. Out: pages of what the API answers. Always: what is typed stays in the form when the API refuses it; what
// is sent twice is done once; a change is of what was read, and is refused where that is another by now; no credential
// is shown. It must not hold a rule: what may stand in a field, the API says.
//
//	/operate                      health, streams, and the way to each of the following
//	/operate/participants         organisations: added, changed, stopped, the stop lifted
//	/operate/projects             added, extended, ended
//	/operate/factories, /operate/stores
//	/operate/sources, …/ID        catalogues of others: named, harvested now, paused, agreed to, ended; what was set aside
//	/operate/spaces               data spaces with the versions of their profiles, and issuers: read alone
//	/operate/calls                calls: made and changed
//	/demand                       what people look for and do not find, for providers too
//	/calls, /calls/ID             asked under, answered, closed
package operate

import (
	"embed"

	"guichet/gateway/web/page"
)

//go:embed templates/*.html
var templates embed.FS

// Part is these pages.
func Part() page.Part {
	p := page.Part{
		Templates: templates,
		Pages: map[string]func(v *page.Visit) error{
			"/operate":             page.Signed(overview),
			"/operate/sources/:id": page.Signed(source),
			"/operate/spaces":      page.Signed(spaces),
			"/demand":              page.Signed(sought),
			"/calls":               page.Signed(calls),
			"/calls/:id":           page.Signed(one),
		},
		Forms: map[string]func(v *page.Visit) error{
			"/operate/sources/:id/harvest": page.Signed(harvestNow),
			"/operate/sources/:id/pause":   page.Signed(pause),
			"/operate/sources/:id/remove":  page.Signed(remove),
			"/calls/:id/apply":             page.Signed(apply),
			"/calls/:id/withdraw":          page.Signed(withdraw),
			"/calls/:id/answer":            page.Signed(answer),
			"/calls/:id/close":             page.Signed(closeCall),
		},
	}
	participants().mount(&p)
	projects().mount(&p)
	factories().mount(&p)
	stores().mount(&p)
	sources().mount(&p)
	callKind().mount(&p)
	return p
}
