package segment

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// remembered is what words find in a segment, as they were asked for: most are asked for
// again, and reading where a word stands takes longer than all else of a search. Safe for
// concurrent use.
type remembered struct {
	mu    sync.Mutex
	of    map[string]*wordHits // by the names of words
	bytes int                  // that these hold
	asked uint64               // questions so far
}

// wordHits are the documents in which a word is found, deleted ones too, and their scores.
// They never change once they are remembered, but for the scores, which are made when they
// are needed.
type wordHits struct {
	docs   *roaring.Bitmap
	scores *wordScores // nil: nobody needed them yet
	used   uint64      // when the word was asked for last
}

// wordScores are the scores of a word.
type wordScores struct {
	at []uint32  // documents, in order; nil: all have a place
	of []float32 // of each of them; 0: it is not found there
}

const (
	mostRemembered = 256     // bytes a document, for all words of a segment
	anyRemembered  = 1 << 20 // and of a small segment
	leastMemory    = 512     // of one word
	shareOfAll     = 16      // where one document in so many has a score, all have a place
)

// size is how many bytes are held, about.
func (x *wordHits) size() int {
	n := leastMemory + int(x.docs.GetSizeInBytes())
	if x.scores != nil {
		n += 4*len(x.scores.at) + 4*len(x.scores.of)
	}
	return n
}

// name tells a word from all others, by its clauses; "" is of one that is not remembered: what
// is looked for by its letters finds as much as it wants to, and a phrase is looked for only where
// all else is found, but where a clause of the word finds all of its texts anyway.
func (w Word) name() string {
	var b strings.Builder
	write := func(kind byte, field string, texts []string, weight float64) {
		b.WriteByte(kind)
		b.WriteString(field)
		for _, text := range texts {
			b.WriteByte(0)
			b.WriteString(text)
		}
		b.WriteByte(1)
		b.WriteString(strconv.FormatFloat(weight, 'g', -1, 64))
	}
	for _, c := range w {
		switch c := c.(type) {
		case Term:
			write('t', c.Field, c.Texts, c.Weight)
		case Phrase:
			if !slices.ContainsFunc(w, func(c2 Clause) bool { t, is := c2.(Term); return is && slices.Equal(t.Texts, c.Texts) }) {
				return ""
			}
			write('p', c.Field, c.Texts, c.Weight)
		case Held:
			if len(c.Filter.Prefixes) > 0 || c.Filter.Where != nil {
				return ""
			}
			write('h', c.Filter.Field, c.Filter.Values, c.Weight)
		default:
			return ""
		}
	}
	return b.String()
}

// take gives what is remembered of a word; nil is nothing.
func (r *remembered) take(name string) (*wordHits, *wordScores) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	x := r.of[name]
	if x == nil {
		return nil, nil
	}
	x.used = r.asked
	return x, x.scores
}

// keep remembers what a word finds, in place of words that were asked for longest ago.
func (r *remembered) keep(name string, docs *roaring.Bitmap, scores *wordScores, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]*wordHits{}
	}
	if have := r.of[name]; have != nil {
		r.bytes -= have.size()
	}
	x := &wordHits{docs, scores, r.asked}
	r.of[name] = x
	r.bytes += x.size()
	if r.bytes <= most {
		return
	}
	names := make([]string, 0, len(r.of))
	for n := range r.of {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return int(r.of[a].used) - int(r.of[b].used) })
	for _, n := range names { // a quarter goes: it is not done for every word
		if r.bytes <= most*3/4 {
			return
		}
		r.bytes -= r.of[n].size()
		delete(r.of, n)
	}
}

// mostWords are the bytes that may be remembered of a segment.
func (c *columns) mostWords() int { return max(mostRemembered*len(c.rank), anyRemembered) }

// holders are the documents in which a word is found, deleted ones too. They are not to be
// changed where the word has a name.
func (f *finder) holders(w Word, name string, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	if name == "" {
		return w.docs(f, within)
	}
	if x, _ := f.remembered.take(name); x != nil {
		return x.docs, nil
	}
	docs, err := w.docs(f.alone(), nil)
	if err != nil {
		return nil, err
	}
	docs = docs.Clone() // what it shares with the segment's file may go
	f.remembered.keep(name, docs, nil, f.mostWords())
	return docs, nil
}

// alone is a finder without what another word of the question narrowed.
func (f *finder) alone() *finder { return &finder{part: f.part, ctx: f.ctx, words: f.words} }

// rated are the scores of a word in the segment.
func (f *finder) rated(w Word, name string) (*wordScores, error) {
	docs, err := f.holders(w, name, nil)
	if err != nil {
		return nil, err
	}
	if _, known := f.remembered.take(name); known != nil {
		return known, nil
	}
	h := &scored{hits: docs, docs: docs.ToArray()}
	h.best = make([]float64, len(h.docs))
	err = h.score(f.alone(), w)
	if err != nil {
		return nil, err
	}
	x := &wordScores{}
	if len(h.docs) < len(f.rank)/shareOfAll {
		x.at, x.of = h.docs, make([]float32, len(h.docs))
		for i, score := range h.best {
			x.of[i] = float32(score)
		}
	} else {
		x.of = make([]float32, len(f.rank))
		for i, score := range h.best {
			x.of[h.docs[i]] = float32(score)
		}
	}
	f.remembered.keep(name, docs, x, f.mostWords())
	return x, nil
}

// addTo adds the scores of some documents, in order, to what they have.
func (x *wordScores) addTo(docs []uint32, have []float64) {
	if x.at == nil {
		for i, doc := range docs {
			have[i] += float64(x.of[doc])
		}
		return
	}
	j := 0
	for i, doc := range docs {
		j = ahead(x.at, j, doc)
		if j == len(x.at) {
			return
		}
		if x.at[j] == doc {
			have[i] += float64(x.of[j])
		}
	}
}

// ahead is the first place from one on whose document is not before another.
func ahead(docs []uint32, from int, doc uint32) int {
	step := 1
	for from+step < len(docs) && docs[from+step] < doc {
		from += step
		step *= 2
	}
	at, _ := slices.BinarySearch(docs[min(from, len(docs)):min(from+step+1, len(docs))], doc)
	return from + at
}
