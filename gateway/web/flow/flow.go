// Package flow asks for pictures of how much was released, for pages of several matters.
//
// In: who visits, what the picture is of. Out: the picture, with links to longer and shorter times. Always: it shows what
// the API tells the reader; where that is nothing there is no picture. It must not add up anything.
package flow

import (
	"net/url"
	"strconv"
	"time"

	"guichet/gateway/web/chart"
	"guichet/gateway/web/page"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

// spans are the days that may be shown, by the value of the address; the usual one is the second.
var spans = []int{3, 30, 366}

// key is of the address.
const key = "flow"

// Of is a picture of what q asks for, on the page at path. It ends with until; zero is now. Nil for what the reader may
// not see.
func Of(v *page.Visit, path string, q url.Values, until time.Time) (*chart.Flow, error) {
	days := spans[1]
	for _, n := range spans {
		if v.R.URL.Query().Get(key) == strconv.Itoa(n) {
			days = n
		}
	}
	if until.IsZero() {
		until = time.Now()
	}
	q.Set("from", until.AddDate(0, 0, -days).UTC().Format(time.RFC3339))
	q.Set("to", until.UTC().Format(time.RFC3339))
	var all throughput.Throughput
	err := v.API.Get(v.Ctx(), "/throughput?"+q.Encode(), &all)
	if k := schemas.KindOf(err); err != nil && (k == schemas.NotFound || k == schemas.Denied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := chart.Flows(v.Reader, &all)
	for _, n := range spans {
		to := page.At(path, url.Values{key: {strconv.Itoa(n)}}) + "#" + key
		p.Spans = append(p.Spans, chart.Span{To: to, Label: v.Reader.T("span." + strconv.Itoa(n)), Taken: n == days})
	}
	return p, nil
}
