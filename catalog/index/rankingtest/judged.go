package rankingtest

import (
	"bufio"
	"bytes"
	_ "embed" // judgements
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// Judged is a query with what answers it.
type Judged struct {
	Query    string         `json:"query"`
	Language string         `json:"language"`
	Source   string         `json:"source"` // logged, or the logged query that it translates
	Grades   map[string]int `json:"grades"` // by IRI: 2 answers it, 1 is about it among others; those left out are of no use
}

//go:embed testdata/judged.jsonl
var judged []byte

// Queries are the judged ones.
func Queries(t testing.TB) []Judged {
	t.Helper()
	var out []Judged
	all := bufio.NewScanner(bytes.NewReader(judged))
	all.Buffer(nil, 1<<20)
	for all.Scan() {
		var q Judged
		err := json.Unmarshal(all.Bytes(), &q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, q)
	}
	return out
}

// NDCG is the normalised discounted cumulative gain of the first ten answers, from 0 to 1.
func (q *Judged) NDCG(answers []schemas.DatasetID) float64 {
	gain := func(grade, place int) float64 { return (math.Exp2(float64(grade)) - 1) / math.Log2(float64(place)+2) }
	var got, best float64
	for i, id := range answers[:min(10, len(answers))] {
		got += gain(q.Grades[string(id)], i)
	}
	var grades []int
	for _, g := range q.Grades {
		grades = append(grades, g)
	}
	slices.Sort(grades)
	slices.Reverse(grades)
	for i, g := range grades[:min(10, len(grades))] {
		best += gain(g, i)
	}
	if best == 0 {
		return 0
	}
	return got / best
}

// Unjudged is how many of the first ten answers nobody has judged, which count as useless.
func (q *Judged) Unjudged(answers []schemas.DatasetID) int {
	n := 0
	for _, id := range answers[:min(10, len(answers))] {
		if _, ok := q.Grades[string(id)]; !ok {
			n++
		}
	}
	return n
}

// Logged are the keyword queries that people, and programs for them, typed into open data
// portals: each once, without those in a query language and ids.
func Logged(t testing.TB) []string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for _, name := range []string{"eval.jsonl", "nl_eval_queries.jsonl"} {
		lines(t, func(line string) {
			var q struct {
				Tool  string `json:"tool"`
				Query string `json:"original_query"`
			}
			err := json.Unmarshal([]byte(line), &q)
			if err != nil {
				t.Fatal(err)
			}
			words := strings.Join(strings.Fields(q.Query), " ")
			if q.Tool == "ckan_package_search" && keywords(words) && !seen[strings.ToLower(words)] {
				seen[strings.ToLower(words)] = true
				out = append(out, words)
			}
		}, "search-queries", name)
	}
	return out
}

// keywords says whether a query is words: no fields, groups, wildcards, operators, nor the
// name of one dataset, which has no space and many hyphens or lines.
func keywords(q string) bool {
	if q == "" || len(q) > 120 || strings.ContainsAny(q, ":*()[]{}^~?") || strings.Contains(q, "http") {
		return false
	}
	if !strings.Contains(q, " ") && strings.Count(q, "-")+strings.Count(q, "_") > 1 {
		return false
	}
	for _, w := range strings.Fields(q) {
		if w == "OR" || w == "AND" || w == "NOT" {
			return false
		}
	}
	return true
}
