package s3face

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// query is a request's query, whose unknown names say nothing: clients add some.
type query struct{ values url.Values }

// readQuery reads a query.
func readQuery(raw string) (query, error) {
	v, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, failure(http.StatusBadRequest, "InvalidArgument", "the query is malformed: %v", err)
	}
	return query{v}, nil
}

func (q query) has(name string) bool   { return q.values.Has(name) }
func (q query) get(name string) string { return q.values.Get(name) }

// notHere names a part of S3's API that a query asks for and that is not here, where an answer
// without it would be taken for one with it.
func (q query) notHere(object bool) string {
	names := []string{
		"acl", "accelerate", "analytics", "cors", "encryption", "intelligent-tiering", "inventory", "lifecycle", "logging", "metadataTable",
		"metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication",
		"requestPayment", "session", "tagging", "uploads", "versioning", "versions", "website",
	}
	if object {
		names = []string{"acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId", "versionId", "partNumber"}
	}
	for _, name := range names {
		if q.has(name) && !(name == "versionId" && q.get(name) == "null") && !(name == "partNumber" && q.get(name) == "1") {
			return name
		}
	}
	return ""
}

// page is which part of a bucket's keys is asked for.
type page struct {
	prefix, delimiter string
	after             string // keys and common prefixes come after it
	most              int
	encode            bool // keys are to be percent-encoded
}

// mostKeys is how many one answer lists [S3 API, ListObjectsV2].
const mostKeys = 1000

// page reads what a list is asked for, of either version.
func (q query) page(second bool) (page, error) {
	p := page{prefix: q.get("prefix"), delimiter: q.get("delimiter"), after: q.get("marker"), most: mostKeys}
	if second {
		p.after = q.get("start-after")
	}
	if s := q.get("max-keys"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return p, failure(http.StatusBadRequest, "InvalidArgument", "max-keys is %.50q, which is no number of keys", s)
		}
		p.most = min(n, mostKeys)
	}
	switch e := q.get("encoding-type"); e {
	case "":
	case "url":
		p.encode = true
	default:
		return p, failure(http.StatusBadRequest, "InvalidArgument", "encoding-type is %.50q; url is the only one", e)
	}
	if second && q.has("continuation-token") {
		after, ok := readToken(q.get("continuation-token"))
		if !ok {
			return p, failure(http.StatusBadRequest, "InvalidArgument", "the continuation token was not made here")
		}
		p.after = after
	}
	return p, nil
}

// entries are what a page shows: keys by their places among all, and common prefixes.
type entries struct {
	keys     []int
	prefixes []string
	last     string // the key or common prefix that the next page comes after; "" where there is none
}

// of picks a page out of sorted keys [S3 API, ListObjectsV2]: a key that has the delimiter
// behind the prefix is shown by what it begins with up to there, once.
func (p page) of(keys []string) entries {
	var out entries
	from, _ := slices.BinarySearch(keys, p.prefix)
	last := ""
	for i := from; i < len(keys); i++ {
		k := keys[i]
		if len(k) < len(p.prefix) || k[:len(p.prefix)] != p.prefix {
			break
		}
		common := p.common(k)
		if k <= p.after || common != "" && (common == p.after || common == last) {
			continue
		}
		if len(out.keys)+len(out.prefixes) == p.most {
			out.last = last
			break
		}
		last = k
		if common != "" {
			last = common
			out.prefixes = append(out.prefixes, common)
		} else {
			out.keys = append(out.keys, i)
		}
	}
	return out
}
