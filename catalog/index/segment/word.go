package segment

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/blevesearch/vellum/levenshtein"
)

// Word is found where any of its clauses is. Its score is that of the best of them.
type Word []Clause

// Clause is one of Term, Phrase, Prefix, Near and Held.
type Clause interface {
	// docs may leave out what is not within, which nil is all; nil is none.
	docs(f *finder, within *roaring.Bitmap) (*roaring.Bitmap, error)
	// score raises the score of each hit that the clause finds to what it gives.
	score(f *finder, h *scored) error
}

// Term finds what holds all texts in a field. Where a document holds a text with an impact
// of MaxImpact it scores Weight, else as much less; of several texts the least counts.
type Term struct {
	Field  string
	Texts  []string
	Weight float64
}

// MaxImpact is the highest impact that a text has in a document: what is written as how
// often it stands there.
const MaxImpact = 255

// Prefix finds what holds a word that begins with some letters, all with one score.
type Prefix struct {
	Field, Text string
	Weight      float64
}

// Near finds what holds a word that begins with the same letter and differs in one: put in,
// left out, changed, or two of them swapped.
type Near struct {
	Field, Text string
	Weight      float64
	alike       segments.Automaton
}

// NewNear makes a Near of a word that is not empty.
func NewNear(field, text string, weight float64) (Near, error) {
	build, err := levenshtein.NewLevenshteinAutomatonBuilder(1, true)
	if err != nil {
		return Near{}, fmt.Errorf("look for words alike: %w", err)
	}
	alike, err := build.BuildDfa(text, 1)
	if err != nil {
		return Near{}, fmt.Errorf("look for words alike: %w", err)
	}
	return Near{field, text, weight, alike}, nil
}

// Held finds what passes a filter, all with one score.
type Held struct {
	Filter Filter
	Weight float64
}

// docs are the documents in which a word is found.
func (w Word) docs(f *finder, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	out := roaring.New()
	for _, c := range w {
		if t, ok := c.(Term); ok && len(t.Texts) == 1 { // as most: nothing to join
			list, err := f.list(t.Field, t.Texts[0])
			if err == nil && list != nil {
				err = addAll(list, out)
			}
			if err != nil {
				return nil, err
			}
			continue
		}
		b, err := c.docs(f, within)
		if err != nil {
			return nil, err
		}
		if b != nil {
			out.Or(b)
		}
	}
	return out, nil
}

// docs are the documents with all of a Term's texts.
func (t Term) docs(f *finder, _ *roaring.Bitmap) (*roaring.Bitmap, error) {
	return f.all(t.Field, t.Texts)
}

// all are the documents that hold all texts in a field; nil is none.
func (f *finder) all(field string, texts []string) (*roaring.Bitmap, error) {
	var out *roaring.Bitmap
	for _, text := range texts {
		list, err := f.list(field, text)
		if err != nil || list == nil {
			return nil, err
		}
		b := roaring.New()
		err = addAll(list, b)
		if err != nil {
			return nil, fmt.Errorf("look up a word: %w", err)
		}
		if out == nil {
			out = b
		} else {
			out.And(b)
		}
	}
	return out, nil
}

// isWord says whether a text is a word as it was written, and no stem of a language: und/~wind
// does not begin with what people type.
func isWord(text string) bool { return !strings.Contains(text, "/") }

func (p Prefix) docs(f *finder, _ *roaring.Bitmap) (*roaring.Bitmap, error) {
	name := [2]string{p.Field, p.Text}
	out := f.begun[name]
	if out != nil {
		return out, nil
	}
	out, err := Filter{Field: p.Field, Prefixes: []string{p.Text}, Where: isWord}.docs(f)
	if err != nil {
		return nil, err
	}
	if f.begun == nil {
		f.begun = map[[2]string]*roaring.Bitmap{}
	}
	f.begun[name] = out
	return out, nil
}

func (p Prefix) score(f *finder, h *scored) error {
	docs, err := p.docs(f, nil)
	if err == nil {
		h.fixed(docs, p.Weight)
	}
	return err
}

func (x Held) docs(f *finder, _ *roaring.Bitmap) (*roaring.Bitmap, error) { return x.Filter.docs(f) }

func (x Held) score(f *finder, h *scored) error {
	docs, err := x.docs(f, nil)
	if err == nil {
		h.fixed(docs, x.Weight)
	}
	return err
}

func (x Near) docs(f *finder, _ *roaring.Bitmap) (*roaring.Bitmap, error) {
	texts, err := f.alike(x)
	out := roaring.New()
	for _, text := range texts {
		var list segments.PostingsList
		if err == nil {
			list, err = f.list(x.Field, text)
		}
		if err == nil && list != nil {
			err = addAll(list, out)
		}
	}
	return out, err
}

func (x Near) score(f *finder, h *scored) error {
	texts, err := f.alike(x)
	for _, text := range texts {
		if err == nil {
			err = Term{x.Field, []string{text}, x.Weight}.score(f, h)
		}
	}
	return err
}

// alike are the words of a field that are near to one.
func (f *finder) alike(x Near) ([]string, error) {
	out, known := f.near[x.Text]
	if known {
		return out, nil
	}
	d, err := f.dict(x.Field)
	if err != nil {
		return nil, err
	}
	_, size := utf8.DecodeRuneInString(x.Text)
	first := x.Text[:size]
	it := d.AutomatonIterator(x.alike, []byte(first), []byte(first+"\xff"))
	for {
		entry, err := it.Next()
		if err != nil {
			return nil, fmt.Errorf("look for words alike: %w", err)
		}
		if entry == nil {
			break
		}
		if isWord(entry.Term) {
			out = append(out, strings.Clone(entry.Term))
		}
	}
	if f.near == nil {
		f.near = map[string][]string{}
	}
	f.near[x.Text] = slices.Clip(out)
	return out, nil
}
