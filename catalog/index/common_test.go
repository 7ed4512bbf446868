package index

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	bindex "github.com/blevesearch/bleve_index_api"

	"guichet/catalog/index/document"
	"guichet/catalog/index/rankingtest"
	"guichet/catalog/index/words"
)

// least is in how many of a thousand datasets a word stands at least that is kept as common.
const least = 10

// BenchmarkCommon makes the list of words that many datasets hold anew: go test ./catalog/index
// -run XXX -bench Common -benchtime 1x.
func BenchmarkCommon(t *testing.B) {
	m, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	sets := rankingtest.Corpora(t)
	count := map[string]int{}
	for i := range sets {
		document.Of(m, &sets[i], document.Also{}).VisitFields(func(f bindex.Field) {
			if f.Name() == document.Words {
				for term := range f.AnalyzedTokenFrequencies() {
					count[term]++
				}
			}
		})
	}
	var lines []string
	for term, n := range count {
		if of := n * 1000 / len(sets); of >= least && !strings.ContainsAny(term, "~0123456789") {
			lines = append(lines, fmt.Sprintf("%s %d\n", term, of))
		}
	}
	slices.Sort(lines)
	err = os.WriteFile("words/common.txt", []byte(strings.Join(lines, "")), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d words of %d datasets", len(lines), len(sets))
}
