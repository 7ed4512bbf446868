package index

import (
	"context"
	"strings"
	"unicode/utf8"

	"guichet/catalog/index/document"
	"guichet/schemas"
)

// The bounds of suggestions: words that begin as one does are counted, so many of them
// tried, so many shown.
const (
	suggestTried = 24
	suggestShown = 8
	suggestBytes = 64 // of a word: longer ones are no words, and make a search too long
)

// Suggest gives searches that q may be the beginning of: its last word is completed by words
// of the datasets that everyone may see, the most frequent first. What is hidden is neither
// counted nor suggested. Words of less than three letters are not completed. Errors: Invalid,
// Busy while the index is rebuilt.
func (x *Index) Suggest(ctx context.Context, q string) ([]schemas.Near, error) {
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
		if r.Total > 0 {
			out = append(out, schemas.Near{Words: words, Total: r.Total})
		}
		if len(out) == suggestShown {
			break
		}
	}
	return out, nil
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
