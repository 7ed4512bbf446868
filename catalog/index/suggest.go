package index

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"guichet/catalog/index/document"
	"guichet/schemas"
)

// The bounds of suggestions: words that begin as one does are counted, so many of them
// tried.
const (
	suggestTried = 24
	suggestBytes = 64 // of a word: longer ones are no words, and make a search too long
)

// Reader reads a dataset that everyone may see.
type Reader func(ctx context.Context, id schemas.DatasetID) (schemas.Dataset, error)

// Suggest gives up to most searches that q may be the beginning of: its last word is completed by
// words of the datasets that everyone may see, the most frequent first, with the accents that one of
// these writes it with. What is hidden is neither counted nor suggested. Words of less than three
// letters are not completed. Errors: Invalid, Busy while the index is rebuilt.
func (x *Index) Suggest(ctx context.Context, q string, most int, reads Reader) ([]schemas.Near, error) {
	all, err := read(q)
	if err != nil || len(all) == 0 || len(all) > nearWords || len(q) > MaxBytes {
		return nil, err
	}
	last := all[len(all)-1]
	w := x.maker.Words(last.text, "")
	if last.field != "" || last.phrase || last.begins || last.near || len(w) != 1 || utf8.RuneCountInString(w[0].Text) < leastBegin {
		return nil, nil
	}
	var before []string
	for _, c := range all[:len(all)-1] {
		before = append(before, c.written())
	}
	begun, err := x.begin(ctx, w[0].Text)
	if err != nil {
		return nil, err
	}
	var out []schemas.Near
	for _, text := range begun {
		words := strings.Join(append(before, text), " ")
		if len(words) > MaxBytes {
			continue
		}
		r, err := x.Search(ctx, Query{Words: words, Limit: 1}, schemas.Sight{Everyone: true})
		if err != nil {
			return nil, err
		}
		if r.Total == 0 {
			continue
		}
		d, err := reads(ctx, r.IDs[0])
		switch {
		case err == nil:
			words = strings.Join(append(before, x.accented(text, &d)), " ")
		case schemas.KindOf(err) != schemas.NotFound: // else it went since it was indexed
			return nil, err
		}
		out = append(out, schemas.Near{Words: words, Total: r.Total})
		if len(out) == most {
			break
		}
	}
	return out, nil
}

// accented is a folded word as a dataset writes it, in small letters; as it is where the dataset does not
// hold it in its title or description.
func (x *Index) accented(text string, d *schemas.Dataset) string {
	left := maxMarked
	for _, in := range []schemas.Text{d.Title, d.Description} {
		for _, tag := range slices.Sorted(maps.Keys(in)) {
			s := in[tag]
			if len(s) > left {
				continue
			}
			left -= len(s)
			for _, w := range x.maker.Words(s, tag) {
				if w.Text == text {
					return strings.ToLower(schemas.Key(s[w.Start:w.End]))
				}
			}
		}
	}
	return text
}

// begin are the most frequent words that begin as one does.
func (x *Index) begin(ctx context.Context, word string) ([]string, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.hold()
	if err != nil {
		return nil, err
	}
	defer s.release()
	var out []string
	most, err := s.public.Begin(ctx, document.Words, word, suggestBytes, suggestTried)
	if err != nil {
		return nil, x.damaged(err)
	}
	for _, v := range most {
		out = append(out, v.Text)
	}
	return out, nil
}
