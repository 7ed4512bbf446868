// Package record is the pages on which the record is read and verified.
//
// In: what the API says of the record to the person who looks. Out: the record as a table, one
// entry with what led to it and its place in the tree, and a verification step by step. Always:
// what is shown of an entry is what the API shows this person of it; a verification says who
// computed it, the gateway or the browser. It must not decide who may read what.
//
//	/record              the record, newest first, day by day
//	/record/NUMBER       one entry: what led to it, what it says, its place in the tree
//	/record/verify       signature, leaf, inclusion and consistency, each with what is compared
//	/record/bundle       the entries shown, as a file that verifies offline
//
// page/static/verify.js computes the same steps again from the texts that the page shows [RFC 9162 §2.1.3, §2.1.4;
// C2SP signed-note, tlog-proof], and asks the gateway nothing.
package record

import (
	"embed"

	"guichet/gateway/web/page"
)

//go:embed templates/*.html
var templates embed.FS

// Part is the pages of the record.
func Part() page.Part {
	return page.Part{
		Templates: templates,
		Pages: map[string]func(v *page.Visit) error{
			"/record":        page.Signed(list),
			"/record/verify": page.Signed(verify),
			"/record/:id":    page.Signed(entry),
		},
		Files: map[string]func(v *page.Visit) error{
			"/record/bundle":    page.Signed(bundle),
			"/record/:id/proof": page.Signed(proof),
			"/record/:id/leaf":  page.Signed(leaf),
		},
	}
}
