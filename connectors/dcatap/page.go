package dcatap

import (
	"net/url"
	"strconv"
	"time"

	"guichet/connectors/dcatap/feed"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Limits of a page of many datasets.
const (
	MaxPage       = 64 << 20
	maxPageValues = 1 << 21
	maxPageTime   = 2 * time.Minute   // that a busy machine may take for it
	maxPageSpent  = 2 * maxPageValues // by its datasets together: what several share counts for each
)

const nsHydra = "http://www.w3.org/ns/hydra/core#"

// Page is one page of a catalogue, or of a feed of what changes in it.
type Page struct {
	Items  []Item
	Feed   bool         // it has no items but events, in the order in which they are to be taken
	Events []feed.Event // of a feed
	Next   string       // absolute address of the next page; "" where neither Hydra nor TREE names one
	Total  int64        // of the whole catalogue, where Hydra says so
}

// ReadPage reads every dataset of a page of a catalogue that came from the address base, and
// where the next page is: hydra:next of a hydra:PartialCollectionView, or hydra:nextPage of the
// vocabulary before it, a hydra:PagedCollection. Errors as of ReadAll.
func ReadPage(f rdf.Format, b []byte, base string) (Page, error) {
	r, err := newReader(f, b, base, rdf.Limits{Bytes: MaxPage, Depth: maxDepth, Values: maxPageValues, Time: maxPageTime})
	if err != nil {
		return Page{}, err
	}
	r.quiet, r.budget = true, maxPageValues
	if list, is := feed.Events(r.doc); is {
		return Page{Feed: true, Events: list, Next: feed.Onward(r.doc, base)}, nil
	}
	out := Page{Next: r.next(base), Total: r.total()}
	out.Items = r.all()
	if r.spent > maxPageSpent {
		return Page{}, schemas.Errorf(schemas.TooLarge, base,
			"its datasets have more than %d values together, counted anew for each that shares them", maxPageSpent)
	}
	return out, nil
}

// next is the address of the next page.
func (r *reader) next(base string) string {
	for _, property := range []string{nsHydra + "next", nsHydra + "nextPage"} {
		for _, n := range r.order {
			if feed.Described(n) {
				continue
			}
			for _, v := range r.list(n, property) {
				at := rdf.ID(v)
				if text, _, _, ok := rdf.Literal(v); ok { // some write it as a text
					at = text
				}
				u, err := url.Parse(base)
				if err == nil {
					u, err = u.Parse(at)
				}
				if err == nil && at != "" && (u.Scheme == "http" || u.Scheme == "https") {
					return u.String()
				}
			}
		}
	}
	return ""
}

// total is how many datasets the catalogue says it has.
func (r *reader) total() int64 {
	for _, n := range r.order {
		if feed.Described(n) {
			continue
		}
		for _, v := range r.list(n, nsHydra+"totalItems") {
			text, _, _, _ := rdf.Literal(v)
			n, err := strconv.ParseInt(text, 10, 64)
			if err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}
