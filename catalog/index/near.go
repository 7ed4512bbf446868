package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	api "github.com/blevesearch/bleve_index_api"

	"guichet/catalog/index/document"
	"guichet/schemas"
)

// The bounds of what is near: at most 3 + 2n searches for n words, and a look at the words
// of the index for each that finds nothing.
const (
	nearWords = 8 // of longer questions nothing is near
	nearShown = 3
	nearRead  = 20_000 // terms of the index read per word
	nearTerms = 1000   // of which the nearest are counted
)

// Near gives searches near to q, which found nothing: with most words first, then with
// most datasets. Filters stay. All comes of what everyone may see, whoever asks: what is
// hidden is neither counted nor suggested, nor does it move what is. Errors: Busy while
// the index is rebuilt.
func (x *Index) Near(ctx context.Context, q Query) ([]schemas.Near, error) {
	err := q.Read()
	if err != nil {
		return nil, err
	}
	n := nearer{x: x, ctx: ctx, q: q}
	for _, c := range q.clauses {
		n.words = append(n.words, c.written())
	}
	n.typed = slices.Clone(n.words)
	n.q.Facets, n.q.After, n.q.Limit, n.q.Sort = nil, nil, 1, ""
	if len(n.words) == 0 || len(n.words) > nearWords {
		return nil, nil
	}
	known, unknown := n.known()
	switch {
	case n.err != nil:
	case !slices.Equal(n.words, n.typed) && len(unknown) == 0 && n.try(nil):
	case len(known) == 0:
	case len(unknown) > 0 && n.try(unknown):
	default:
		n.fewer(known, unknown)
	}
	slices.SortStableFunc(n.out, func(a, b schemas.Near) int {
		return cmp.Or(len(a.Without)-len(b.Without), cmp.Compare(b.Total, a.Total), strings.Compare(a.Words, b.Words))
	})
	return n.out[:min(nearShown, len(n.out))], n.err
}

// nearer looks for what is near to one question.
type nearer struct {
	x     *Index
	ctx   context.Context // of one call of Near
	q     Query
	typed []string
	words []string // as they are written here, where nothing holds what was typed
	alone []uint64 // how many each word finds
	out   []schemas.Near
	err   error // the first; nothing is sought after it
}

// total is how many datasets everyone finds.
func (n *nearer) total(q Query) uint64 {
	if n.err != nil {
		return 0
	}
	var r Result
	q.clauses = nil // its filters stay
	r, n.err = n.x.Search(n.ctx, q, schemas.Sight{Everyone: true})
	return r.Total
}

// known parts the words, by their places, into those that find something and those that
// find nothing, after it has written the latter as they are written here. What a word finds that
// says nothing by itself is near to nothing.
func (n *nearer) known() (known, unknown []int) {
	n.alone = make([]uint64, len(n.words))
	for i, w := range n.words {
		q := n.q
		q.Words = w
		n.alone[i] = n.total(q)
		if n.alone[i] == 0 && n.err == nil {
			if as := n.spelt(w); as != "" {
				n.words[i], q.Words = as, as
				n.alone[i] = n.total(q)
			}
		}
		if n.alone[i] > 0 && !n.x.maker.Asked(n.words[i]).Empty {
			known = append(known, i)
		} else {
			unknown = append(unknown, i)
		}
	}
	return known, unknown
}

// fewer leaves out one word more; where that finds nothing, all but one.
func (n *nearer) fewer(known, unknown []int) {
	if len(known) < 2 {
		return
	}
	some := false
	for _, i := range known {
		if len(known) > 2 {
			some = n.try(append(slices.Clone(unknown), i)) || some
		}
	}
	for _, i := range known {
		if !some {
			n.note(slices.DeleteFunc(n.places(), func(j int) bool { return j == i }), n.alone[i])
		}
	}
}

// places are the places of all words of a question.
func (n *nearer) places() []int {
	out := make([]int, len(n.words))
	for i := range out {
		out[i] = i
	}
	return out
}

// try searches without the words at some places.
func (n *nearer) try(without []int) bool {
	q := n.q
	q.Words = n.rest(without)
	total := n.total(q)
	if total > 0 {
		n.note(without, total)
	}
	return total > 0
}

// rest is the question without the words at some places.
func (n *nearer) rest(without []int) string {
	var out []string
	for i, w := range n.words {
		if !slices.Contains(without, i) {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// note keeps a question that finds something, with what was left out of it and what was
// written otherwise.
func (n *nearer) note(without []int, total uint64) {
	near := schemas.Near{Words: strings.Join(append([]string{n.rest(without)}, n.q.written...), " "), Total: total}
	for i, w := range n.words {
		if slices.Contains(without, i) {
			near.Without = append(near.Without, n.typed[i])
			continue
		}
		if typed := n.typed[i]; typed != w {
			if near.Instead == nil {
				near.Instead = map[string]string{}
			}
			near.Instead[typed] = w
		}
	}
	n.out = append(n.out, near)
}

// spelt is the word of the datasets that everyone may see which is nearest to one that
// none of them holds; "" is none. Words of four letters may differ in one, longer ones in
// two, which also finds many endings of languages that are not stemmed.
func (n *nearer) spelt(word string) string {
	folded := n.x.maker.Asked(strings.Trim(word, signs)).Text
	letters := utf8.RuneCountInString(folded)
	if strings.ContainsAny(word, `*~":`) { // it says itself how it is looked for
		return ""
	}
	if letters < 4 || letters > 32 || strings.ContainsAny(folded, " -0123456789") {
		return ""
	}
	if n.total(Query{Words: word, Limit: 1}) > 0 || n.err != nil {
		return "" // it is written right: a filter leaves it out
	}
	most := 1
	if letters > 4 {
		most = 2
	}
	var best string
	var found uint64
	far := most + 1
	var err error
	fault := guard(func() error {
		var terms []spelling
		terms, err = n.x.terms(folded, most)
		for _, t := range terms {
			if err != nil || t.far > far { // they are in order
				break
			}
			var total uint64
			total, err = n.x.holders(n.ctx, t.text)
			if total > found {
				best, found, far = t.text, total, t.far
			}
		}
		return err
	})
	if fault != nil && n.err == nil {
		n.err = fmt.Errorf("look for words near: %w", fault)
	}
	return best
}

// spelling is a word of the index that is near to one.
type spelling struct {
	text string
	far  int // letters in which it differs
}

// terms are the words of the public index within a distance of a word, the nearest first;
// among them may be words of datasets that are not public any more.
func (x *Index) terms(word string, most int) ([]spelling, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.hold()
	if err != nil {
		return nil, err
	}
	defer s.release()
	fuzzy, ok := s.public.Reader().(api.IndexReaderFuzzy)
	if !ok {
		return nil, nil
	}
	first, _ := utf8.DecodeRuneInString(word)
	dict, err := fuzzy.FieldDictFuzzy(document.Words, word, most, string(first))
	if err != nil {
		return nil, err
	}
	defer dict.Close() //nolint:errcheck // only read
	var out []spelling
	for range nearRead {
		entry, err := dict.Next()
		if err != nil {
			return nil, err
		}
		if entry == nil {
			break
		}
		if strings.Contains(entry.Term, "/") { // a stem
			continue
		}
		if far := distance([]rune(word), []rune(entry.Term)); 0 < far && far <= most {
			out = append(out, spelling{strings.Clone(entry.Term), far})
		}
	}
	slices.SortFunc(out, func(a, b spelling) int {
		return cmp.Or(a.far-b.far, strings.Compare(a.text, b.text))
	})
	return out[:min(nearTerms, len(out))], nil
}

// holders counts the public datasets that hold a word now.
func (x *Index) holders(ctx context.Context, word string) (uint64, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.hold()
	if err != nil {
		return 0, err
	}
	defer s.release()
	return s.public.Holders(ctx, document.Words, word)
}

// distance is how many letters are put in, left out, changed, or swapped with the next.
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
