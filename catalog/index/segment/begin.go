package segment

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// Begin are the words of a field that begin with some letters, of longest bytes at most, and
// the number of documents that hold each, the most frequent first. Errors: what Bleve fails with, that of ctx.
func (v *View) Begin(ctx context.Context, field, letters string, longest, most int) (out []Value, err error) {
	defer caught(&err)
	var mu sync.Mutex
	counts := map[string]int{}
	err = v.each(ctx, func(i int) error {
		p := v.parts[i]
		dict, err := p.Dictionary(field)
		if err != nil {
			return fmt.Errorf("read the words of %s: %w", field, err)
		}
		docs := roaring.New()
		return terms(dict, letters, func(text string) (bool, error) {
			if !strings.HasPrefix(text, letters) {
				return false, nil
			}
			if len(text) > longest || !isWord(text) {
				return true, nil
			}
			docs.Clear()
			err := orInto(dict, text, docs)
			if p.deleted != nil {
				docs.AndNot(p.deleted)
			}
			if n := docs.GetCardinality(); n > 0 {
				mu.Lock()
				counts[text] += int(n)
				mu.Unlock()
			}
			return true, err
		})
	})
	if err != nil {
		return nil, err
	}
	for text, n := range counts {
		out = append(out, Value{text, n})
	}
	return cut(out, most), nil
}

// Holders is how many documents hold a text in a field. Errors: what Bleve fails with, that of
// ctx.
func (v *View) Holders(ctx context.Context, field, text string) (n uint64, err error) {
	defer caught(&err)
	for _, p := range v.parts {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		dict, err := p.Dictionary(field)
		if err != nil {
			return 0, fmt.Errorf("read the words of %s: %w", field, err)
		}
		list, err := dict.PostingsList([]byte(text), p.deleted, nil)
		if err != nil {
			return 0, fmt.Errorf("look up a word: %w", err)
		}
		n += list.Count()
	}
	return n, nil
}
