package harvest

import (
	"net/url"
	"strconv"
	"strings"

	"guichet/connectors/ckan"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// rowsCKAN are as many packages as a page is asked to have; portals may give fewer, and give at
// most a thousand.
const rowsCKAN = 100

// searchCKAN is where a portal of CKAN lists its packages.
const searchCKAN = "/api/3/action/package_search"

// Of portals of CKAN the action API is asked, page by page.

// firstCKAN is the first page of the portal at an address. The oldest package comes first, so that
// new ones do not push others to a page that was read already. An address of package_search is
// taken as it stands, with the query (q, fq) that it has.
func firstCKAN(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if !strings.Contains(u.Path, searchCKAN) {
		u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/dataset") + searchCKAN
	}
	q := u.Query()
	for name, value := range map[string]string{"rows": strconv.Itoa(rowsCKAN), "start": "0", "sort": "metadata_created asc, id asc"} {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func askCKAN(page string) fetch.Request { return fetch.Request{URL: page, Accept: "application/json"} }

// readCKAN reads a page of package_search. The next one begins after as many packages as were
// found here, one again: a package that was removed meanwhile moved the others by one.
func readCKAN(a *fetch.Answer) (Page, error) {
	u, err := url.Parse(a.URL)
	if err != nil {
		return Page{}, schemas.Errorf(schemas.Invalid, a.URL, "this is no address: %w", err)
	}
	portal := *u
	portal.Path, portal.RawPath, portal.RawQuery, portal.Fragment = strings.TrimSuffix(u.Path, searchCKAN), "", "", ""
	p, err := ckan.ReadSearch(a.Body, portal.String())
	if err != nil {
		return Page{}, err
	}
	out := Page{Total: p.Count}
	for _, item := range p.Items {
		out.Records = append(out.Records, Record{IRI: item.IRI, Dataset: item.Dataset, Err: item.Err})
	}
	q := u.Query()
	start, _ := strconv.ParseInt(q.Get("start"), 10, 64) // else the first
	next := start + int64(p.Found)
	if p.Found > 1 && next < p.Count {
		q.Set("start", strconv.FormatInt(next-1, 10))
		u.RawQuery = q.Encode()
		out.Next = u.String()
	}
	return out, nil
}
