package main

import (
	"io"
	"net/http"
	"slices"
	"time"
)

// pages measures what pages take beside the calls of the API that they make, one after the other over
// the same connection, by turns.
func (m *meter) pages() {
	m.registered()
	d := string(m.story.Dataset("winter-wheat-trials").ID)
	const train = "purpose=train-model"
	for _, page := range []struct {
		name, path string
		calls      []string
	}{
		{"home", "/", []string{"/datasets?limit=1&facets=space&facet_limit=100"}},
		{"search", "/datasets?q=wheat+yield", []string{
			"/datasets?q=wheat+yield&limit=20&facets=space,theme,country,licence,format,language&facet_limit=8&" + train,
			"/datasets?q=wheat+yield&limit=1&facets=access&facet_limit=8&" + train,
		}},
		{"dataset", "/datasets/" + d, []string{"/datasets/" + d, "/datasets?id=" + d + "&limit=1&" + train, "/datasets/" + d + "/versions",
			"/datasets/" + d + "/versions/2026-01"}},
	} {
		var whole, parts []float64
		for range 200 {
			whole = append(whole, m.got(page.path, "text/html"))
			sum := 0.0
			for _, call := range page.calls {
				sum += m.got("/api/v1"+call, "application/json")
			}
			parts = append(parts, sum)
		}
		slices.Sort(whole)
		slices.Sort(parts)
		m.add(figure{Bench: "pages." + page.name, Value: whole[len(whole)*95/100], Unit: "ms, p95", Reference: "the calls that it makes",
			RefValue: parts[len(parts)*95/100], Note: "17 datasets"})
	}
}

// got is how many milliseconds an answer takes.
func (m *meter) got(path, accept string) float64 {
	began := time.Now()
	r, err := http.NewRequestWithContext(m.Context(), http.MethodGet, m.addresses.HTTP+path, nil)
	m.must(err)
	r.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(r)
	m.must(err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	m.must(err)
	if resp.StatusCode != http.StatusOK {
		m.Fatalf("%s: %s", path, resp.Status)
	}
	return time.Since(began).Seconds() * 1e3
}
