package index

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/catalog/index/document"
	"guichet/catalog/index/labels"
	"guichet/catalog/index/segment"
	"guichet/catalog/index/spread"
	"guichet/catalog/index/words"
	"guichet/schemas"
)

// Query is a search. Zero members do not narrow it.
type Query struct {
	Words      string              // words, "phrases", begin*, nearly~ and field:value; all must hold
	Filters    map[string][]string // by the names of Filters; values of one name are alternatives
	Typed      map[string][]string // those that Read found in Words; they hold too
	From, To   string              // days: datasets whose time overlaps
	Updated    string              // a day: changed on it or later
	Box        string              // west,south,east,north in degrees: datasets whose area overlaps
	Access     string              // marks that were typed; whoever knows marks narrows by them
	Facets     []string
	FacetLimit int    // values per facet; 10 when 0, at most 1000
	Sort       string // one of Sorts: best match; modified, newest first; title; size, largest first; quality, best first
	After      *Position
	Limit      int
	Only       []schemas.DatasetID // nil: any
	Apart      bool                // the same data in several catalogues is as many hits

	spread  []string // facets that are counted by what hits cover
	clauses []clause // words that Read found
	loose   *bool    // words that say nothing are left out; nil: where nothing is found with them
	written []string // filters that it found, as they were typed
	notes   []string // what it took for words
}

// Result is what a search found.
type Result struct {
	Total     uint64
	IDs       []schemas.DatasetID
	Positions []Position // of IDs
	Next      string     // cursor behind the last of them; "" when there are no more
	Facets    map[string]schemas.Facet
	Without   []string // words that say nothing, which were left out since with them nothing is found
	Notes     []string // what was typed as a filter and is none
}

// The limits of a query [policy.md E0.3].
const (
	MaxWords  = 32
	MaxBytes  = 512
	MaxValues = 100    // of one filter
	MaxLimit  = 10_000 // hits of one search; pages are shorter, which the doors see to
)

// Search finds what is in sight. Errors: Invalid, Busy while the index is rebuilt.
func (x *Index) Search(ctx context.Context, q Query, sight schemas.Sight) (Result, error) {
	if !x.Ready() {
		return Result{}, &schemas.Error{
			Kind:    schemas.Busy,
			Subject: "search",
			Message: "the search index is being rebuilt",
			Remedy:  "try again in a moment; datasets can be read by their ids meanwhile",
		}
	}
	question, err := x.build(&q)
	if err != nil {
		return Result{}, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.hold()
	if err != nil {
		return Result{}, x.damaged(err)
	}
	defer s.release()
	out := Result{Facets: map[string]schemas.Facet{}, Notes: q.notes}
	out.Without, err = x.loosen(ctx, s, &q, &question)
	if err != nil {
		return Result{}, err
	}
	covered := newCovered(&q)
	var hits []Position
	var counts [][][]uint32
	for _, restricted := range []bool{true, false} {
		visible, any := inSight(question, sight, restricted)
		if !any {
			continue
		}
		a, found, err := s.find(ctx, &q, visible, restricted, covered.covers())
		if err != nil && ctx.Err() != nil {
			return out, fmt.Errorf("search: %w", ctx.Err())
		}
		if err != nil {
			return out, x.damaged(err)
		}
		out.Total += a.Total
		hits = append(hits, found...)
		counts = append(counts, a.Count)
	}
	slices.SortFunc(hits, func(a, b Position) int { return compare(q.Sort, a, b) })
	out.Positions = hits[:min(q.Limit, len(hits))]
	for _, h := range out.Positions {
		out.IDs = append(out.IDs, schemas.DatasetID(h.id))
	}
	if len(hits) > q.Limit {
		out.Next = Cursor(&q, hits[q.Limit-1])
	}
	if len(counts) > 0 {
		s.facets(&q, counts, out.Facets)
	}
	covered.facets(out.Facets)
	return out, nil
}

// loosen leaves words that say nothing in some language out of a question, where everybody
// finds nothing with them: a sentence finds what its other words do. What not everybody may
// see does not decide that.
func (x *Index) loosen(ctx context.Context, s *state, q *Query, question *segment.Question) (without []string, err error) {
	var rest []segment.Word
	for i, c := range q.clauses {
		if c.idle {
			without = append(without, c.text)
		} else {
			rest = append(rest, question.Words[i])
		}
	}
	strict := len(without) == 0 || len(rest) == 0
	if q.loose == nil && !strict {
		a, err := s.public.Find(ctx, &segment.Question{Words: question.Words}, segment.Wanted{})
		if err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("search: %w", ctx.Err())
		}
		if err != nil {
			return nil, x.damaged(err)
		}
		strict = a.Total > 0
	}
	if strict || q.loose != nil && !*q.loose {
		q.loose = new(bool)
		return nil, nil
	}
	loose := true
	q.loose, question.Words = &loose, rest
	return without, nil
}

// find asks one class for one hit more than a page has, which tells whether there is
// another page.
func (s *state) find(
	ctx context.Context, q *Query, question segment.Question, restricted bool, covers segment.Covers,
) (segment.Answer, []Position, error) {
	view := s.public
	if restricted {
		view = s.closed
	}
	w := segment.Wanted{Best: q.Limit + 1, Scored: !restricted, Apart: q.Apart, Covers: covers}
	for _, name := range q.Facets {
		w.Count = append(w.Count, slices.Index(document.Facets(), name))
	}
	if q.Sort == "" {
		switch {
		case q.After == nil:
		case restricted && !q.After.restricted:
			w.Best = 0 // its facets and number count all the same
		case restricted == q.After.restricted:
			w.After = &segment.Hit{ID: q.After.id, Score: q.After.score}
		}
		a, err := view.Find(ctx, &question, w)
		var out []Position
		for _, h := range a.Hits {
			out = append(out, Position{restricted: restricted, score: h.Score, id: h.ID})
		}
		return a, out, err
	}
	w.Best, w.Keep = 0, true
	a, err := view.Find(ctx, &question, w)
	if err != nil {
		return a, nil, err
	}
	var after *segment.Place
	if p := q.After; p != nil {
		after = &segment.Place{Number: p.number, Text: p.text, ID: p.id}
	}
	hits, err := view.Sorted(ctx, a, q.Limit+1, sortField(q.Sort), after)
	var out []Position
	for _, h := range hits {
		out = append(out, Position{number: h.Number, text: h.Text, id: h.ID})
	}
	return a, out, err
}

// facets lists the most frequent values of each facet and counts the others together, after
// the classes' counts are summed: the ten of each need not hold the ten of both, and counts
// do not depend on how many are shown.
func (s *state) facets(q *Query, counts [][][]uint32, out map[string]schemas.Facet) {
	for i, name := range q.Facets {
		var each [][]uint32
		for _, c := range counts {
			each = append(each, c[i])
		}
		top, others := s.values.Top(slices.Index(document.Facets(), name), facetLimit(q), each...)
		f := schemas.Facet{Remainder: others}
		for _, v := range top {
			f.Values = append(f.Values, schemas.FacetValue{Value: v.Text, Count: v.Count})
		}
		out[name] = f
	}
}

// facetLimit is how many values of a facet are listed.
func facetLimit(q *Query) int {
	if q.FacetLimit == 0 {
		return 10
	}
	return min(q.FacetLimit, 1000)
}

// inSight narrows a question to what is in sight of a class; false is nothing.
func inSight(q segment.Question, s schemas.Sight, restricted bool) (segment.Question, bool) {
	if s.All || !restricted {
		return q, s.All || s.Everyone
	}
	tokens := sightTokens(s)
	q.Filters = append(slices.Clone(q.Filters), segment.Filter{Field: "seen", Values: tokens})
	return q, len(tokens) > 0
}

// sightTokens are the words under which hidden datasets are indexed for those who may
// see them.
func sightTokens(s schemas.Sight) []string {
	var out []string
	if s.SignedIn {
		out = append(out, "signed-in")
	}
	if s.Participant != "" {
		out = append(out, "p:"+string(s.Participant))
	}
	return out
}

// build makes a question of a query. Bleve's own query language stays closed: it can be
// made to run for minutes [policy.md E0.3].
func (x *Index) build(q *Query) (segment.Question, error) {
	var out segment.Question
	if q.Limit < 0 || q.Limit > MaxLimit {
		return out, schemas.BadField("search", "limit", "between 1 and %d", MaxLimit)
	}
	if q.Limit == 0 {
		q.Limit = 20
	}
	if !slices.Contains(Sorts(), q.Sort) {
		return out, schemas.BadField("search", "sort", "%q is not an order; leave it out for the best match, or say %s", q.Sort,
			strings.Join(Sorts()[1:], ", "))
	}
	err := q.Read()
	if err != nil {
		return out, err
	}
	for i := range q.clauses { // every one must be found somewhere
		w, err := x.word(&q.clauses[i])
		if err != nil {
			return out, err
		}
		out.Words = append(out.Words, w)
	}
	facets := q.Facets
	q.Facets, q.spread = nil, nil // each once: they are counted as often as they stand there
	for _, name := range facets {
		if slices.Contains(spread.Names(), name) {
			q.spread = append(q.spread, name)
			continue
		}
		if !slices.Contains(q.Facets, name) {
			q.Facets = append(q.Facets, name)
		}
		if !slices.Contains(document.Facets(), name) {
			return out, schemas.BadField("search", "facets", "%q is not a facet; there are access, %s", name,
				strings.Join(slices.Concat(spread.Names(), document.Facets()), ", "))
		}
	}
	for _, filters := range []map[string][]string{q.Filters, q.Typed} {
		err = narrow(&out, filters)
		if err != nil {
			return out, err
		}
	}
	if q.Only != nil {
		out.IDs = []string{}
		for _, id := range q.Only {
			out.IDs = append(out.IDs, string(id))
		}
	}
	return out, limit(&out, q)
}

// narrow adds filters to a question. What is said of columns is said of one and the same.
func narrow(out *segment.Question, filters map[string][]string) error {
	var a document.Column
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		values := filters[name]
		if !slices.Contains(document.Filters(), name) {
			return schemas.BadField("search", name, "%q is not a filter; there are %s", name, strings.Join(document.Filters(), ", "))
		}
		if len(values) > MaxValues {
			return schemas.BadField("search", name, "at most %d values", MaxValues)
		}
		of := map[string]*[]string{"column": &a.Names, "unit": &a.Units, "type": &a.Types, "concept": &a.Concepts}[name]
		if of == nil {
			out.Filters = append(out.Filters, filter(name, values))
			continue
		}
		*of = slices.Clone(values)
	}
	if len(a.Names)+len(a.Units)+len(a.Types)+len(a.Concepts) > 0 {
		out.Filters = append(out.Filters, a.Filter())
	}
	return nil
}

// filter finds one of the values of a field.
func filter(name string, values []string) segment.Filter {
	f := segment.Filter{Field: name}
	for _, v := range values {
		v = schemas.Key(v)
		if name == "region" {
			v = strings.ToUpper(v)
		}
		f.Values = append(f.Values, v)
		if name == "language" && v != "" { // de finds de-AT too [RFC 4647 §3.3.1]
			f.Prefixes = append(f.Prefixes, v+"-")
		}
	}
	return f
}

// limit narrows a question by days and degrees.
func limit(out *segment.Question, q *Query) error {
	days := func(name, value string, end bool) (int32, error) {
		n, ok := document.Day(value, end)
		if !ok {
			return 0, schemas.BadField("search", name, "%q is not a day; write YYYY, YYYY-MM or YYYY-MM-DD", value)
		}
		return n, nil
	}
	var err error
	if q.From != "" || q.To != "" {
		x := segment.Overlaps{Min: math.MinInt32, Max: math.MaxInt32}
		if q.From != "" {
			x.Min, err = days("from", q.From, false)
		}
		if q.To != "" && err == nil {
			x.Max, err = days("to", q.To, true)
		}
		out.Limits = append(out.Limits, x)
	}
	if q.Updated != "" && err == nil {
		var n int32
		n, err = days("updated", q.Updated, false)
		since := time.Date(int(n/10000), time.Month(n/100%100), int(n%100), 0, 0, 0, 0, time.UTC)
		out.Limits = append(out.Limits, segment.Numbers{Field: document.Modified, Min: since.UnixMicro(), Max: math.MaxInt64})
	}
	if q.Box != "" && err == nil {
		var x segment.Meets
		x, err = boxOf(q.Box)
		out.Limits = append(out.Limits, x)
	}
	return err
}

// boxOf reads a box: west,south,east,north in degrees.
func boxOf(s string) (segment.Meets, error) {
	var at [4]float64
	parts := strings.Split(s, ",")
	ok := len(parts) == 4
	for i := 0; ok && i < 4; i++ {
		n, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		at[i], ok = n, err == nil && math.Abs(n) <= 180-90*float64(i%2)
	}
	if !ok || at[1] > at[3] {
		return segment.Meets{}, schemas.BadField("search", "box",
			"%q is not an area; write west,south,east,north in degrees, such as 2.5,49.5,6.4,51.5", s)
	}
	degrees := func(i int) segment.Degrees { return segment.Degrees{Lon: float32(at[i]), Lat: float32(at[i+1])} }
	return segment.Meets{From: degrees(0), To: degrees(2)}, nil
}

// named finds what has codes that words stand for.
func named(codes []labels.Code) []segment.Clause {
	var out []segment.Clause
	for _, c := range codes {
		out = append(out, segment.Held{Filter: filter(c.Field, []string{c.Value}), Weight: byName})
	}
	return out
}

// How much a word counts as it stands, by its stem in some language, by the parts that it is
// made of, by its first letters or other ones, as the name of a theme or another code.
const (
	asWritten = 1
	byStem    = 0.9
	byParts   = 0.25
	byLetters = 0.5
	byName    = 0.1
)

// word finds what stands for a clause, and notes whether it says nothing by itself; letters of
// no word find nothing.
func (x *Index) word(c *clause) (segment.Word, error) {
	var any segment.Word
	add := func(weight float64, texts ...string) {
		any = append(any, segment.Term{Field: document.Words, Texts: texts, Weight: weight})
	}
	all := x.maker.Words(c.text, "")
	var texts []string
	for _, w := range all {
		texts = append(texts, w.Text)
	}
	switch {
	case len(all) == 0:
		return nil, nil
	case c.begins && len(all) == 1:
		return segment.Word{segment.Prefix{Field: document.Words, Text: texts[0], Weight: byLetters}}, nil
	case c.near && len(all) == 1:
		near, err := segment.NewNear(document.Words, texts[0], byLetters)
		add(asWritten, texts[0])
		return append(any, near), err
	case len(all) == 1:
		a := x.maker.Asked(c.text)
		c.idle = a.Empty && !c.phrase
		add(asWritten*a.Rarity, texts[0])
		for _, stem := range a.Stems {
			add(byStem*a.Rarity, stem)
		}
		for _, parts := range a.Parts {
			add(byParts*a.Rarity, parts...)
		}
		return append(any, named(x.labels.Codes(a))...), nil
	}
	var each []words.Asked
	rarity := 0.0 // that of the rarest
	for _, w := range all {
		each = append(each, x.maker.Asked(c.text[w.Start:w.End]))
		rarity = max(rarity, each[len(each)-1].Rarity)
	}
	any = append(any, segment.Phrase{Field: document.Words, Texts: texts, Weight: asWritten * rarity})
	if !c.phrase { // of a word with a hyphen its parts may stand anywhere
		add(byParts*rarity, texts...)
	}
	any = append(any, named(x.labels.Codes(each...))...)
	if !c.phrase || len(all) == 2 { // the same compound as others write it
		add(byStem*rarity, strings.Join(texts, ""))
	}
	return any, nil
}
