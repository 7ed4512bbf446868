package index

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"

	"guichet/schemas"
)

// edition is the form of what is indexed: raise it when document, newMapping or an
// analyzer changes, and indexes of another form begin anew.
const edition = "5"

// Analyzers of our own.
const (
	folded  = "folded"         // words of any language: no stems, no accents
	spanish = "es-folded-stem" // Bleve's own leaves plurals of short words alone
)

// languages maps primary language subtags to Bleve's analyzers, which stem.
// Texts in other languages are found by their whole words, accents folded.
func languages() map[string]string {
	return map[string]string{
		"da": da.AnalyzerName, "de": de.AnalyzerName, "en": en.AnalyzerName, "es": spanish, "fi": fi.AnalyzerName,
		"fr": fr.AnalyzerName, "hr": hr.AnalyzerName, "hu": hu.AnalyzerName, "it": it.AnalyzerName, "nl": nl.AnalyzerName, "no": no.AnalyzerName,
		"nb": no.AnalyzerName, "pt": pt.AnalyzerName, "ro": ro.AnalyzerName, "ru": ru.AnalyzerName, "sv": sv.AnalyzerName,
	}
}

// Facets names the fields that can be filtered by and counted.
func Facets() []string {
	return []string{"space", "theme", "country", "language", "publisher", "licence", "format", "provider", "column", "unit"}
}

// newMapping says how each field is analysed: texts by the language of their tag, names
// and codes whole, everything else not at all.
func newMapping() (*mapping.IndexMappingImpl, error) {
	m := bleve.NewIndexMapping()
	err := m.AddCustomAnalyzer(folded, map[string]any{
		"type": custom.Name, "tokenizer": unicode.Name, "char_filters": []string{asciifolding.Name}, "token_filters": []string{lowercase.Name},
	})
	if err != nil {
		return nil, err
	}
	err = m.AddCustomAnalyzer(spanish, map[string]any{
		"type": custom.Name, "tokenizer": unicode.Name, "token_filters": []string{lowercase.Name, es.StopName, es.SnowballStemmerName,
			es.NormalizeName},
	})
	if err != nil {
		return nil, err
	}
	doc := bleve.NewDocumentStaticMapping()
	text := func(analyzer string) *mapping.FieldMapping {
		f := bleve.NewTextFieldMapping()
		f.Analyzer, f.Store, f.IncludeInAll, f.DocValues = analyzer, false, false, false
		return f
	}
	for tag, analyzer := range languages() {
		doc.AddFieldMappingsAt("title_"+tag, text(analyzer))
		doc.AddFieldMappingsAt("text_"+tag, text(analyzer))
	}
	doc.AddFieldMappingsAt("title", text(folded))
	doc.AddFieldMappingsAt("words", text(folded))
	compound := text(folded)
	compound.IncludeTermVectors = false // no phrase is looked for there
	doc.AddFieldMappingsAt("joined", compound)
	code := func(values bool) *mapping.FieldMapping {
		f := bleve.NewTextFieldMapping()
		f.Analyzer, f.Store, f.IncludeInAll, f.IncludeTermVectors, f.DocValues = keyword.Name, false, false, false, values
		return f
	}
	for _, name := range append(Facets(), "seen") { // counted by columns of ours
		doc.AddFieldMappingsAt(name, code(false))
	}
	doc.AddFieldMappingsAt("sorted", code(true))
	doc.AddSubDocumentMapping("_all", bleve.NewDocumentDisabledMapping()) // nothing looks there
	for _, name := range append([]string{"modified"}, ends()...) {
		f := bleve.NewNumericFieldMapping()
		f.Store, f.IncludeInAll, f.DocValues = false, false, true
		doc.AddFieldMappingsAt(name, f)
	}
	m.DefaultMapping = doc
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m, nil
}

// document is what Bleve gets of a dataset: words folded where their language is not
// known, and as its analyzer wants them where it is.
func document(d *schemas.Dataset) map[string]any {
	known := languages()
	doc := map[string]any{}
	var titles, words []string
	for _, t := range []struct {
		field string
		text  schemas.Text
		plain *[]string
	}{{"title_", d.Title, &titles}, {"text_", d.Description, &words}} {
		stemmed := map[string][]string{} // de and de-AT are one language
		for _, tag := range slices.Sorted(maps.Keys(t.text)) {
			*t.plain = append(*t.plain, t.text[tag])
			if primary := primaryTag(tag); known[primary] != "" {
				stemmed[t.field+primary] = append(stemmed[t.field+primary], schemas.Key(t.text[tag]))
			}
		}
		for field, texts := range stemmed {
			doc[field] = strings.Join(texts, "\n")
		}
	}
	words = append(words, d.Keywords...)
	words = append(words, d.Publisher, d.IRI)
	words = append(words, d.Identifiers...)
	var columns, units []string
	for i := range d.Tables {
		for _, s := range d.Tables[i].Title {
			words = append(words, s)
		}
		for _, f := range d.Tables[i].Fields {
			words = append(words, f.Name)
			if strings.Contains(f.Name, "_") { // wind_speed is found by wind and by speed
				words = append(words, strings.ReplaceAll(f.Name, "_", " "))
			}
			columns = append(columns, strings.ToLower(f.Name))
			if f.Unit != "" {
				units = append(units, f.Unit)
			}
		}
	}
	slices.Sort(titles) // a map's order must not move what is indexed
	slices.Sort(words)
	doc["title"], doc["words"] = schemas.Fold(strings.Join(titles, "\n")), schemas.Fold(strings.Join(words, "\n"))
	doc["joined"] = schemas.Fold(strings.Join(compounds(slices.Concat(titles, words)), "\n"))
	for name, values := range map[string][]string{
		"space": {string(d.Space)}, "theme": d.Themes, "country": d.Countries, "language": d.Languages, "publisher": {d.Publisher},
		"licence": d.Licensed(), "format": formats(d), "provider": {string(d.Provider)}, "column": columns, "unit": units, "seen": seenBy(d),
	} {
		values = slices.Clone(values)
		for i := range values {
			values[i] = schemas.Key(values[i])
		}
		values = slices.DeleteFunc(values, func(s string) bool { return s == "" })
		if len(values) > 0 {
			doc[name] = values
		}
	}
	doc["modified"] = float64(d.Modified.UnixMicro()) // exact until the year 2255
	doc["sorted"] = sortTitle(d.Title)
	for i, s := range spans(d) {
		doc[fmt.Sprintf("from%d", i)], doc[fmt.Sprintf("until%d", i)] = s[0], s[1]
	}
	return doc
}

// sortTitle is what titles are ordered by: the one for readers of English, folded.
func sortTitle(t schemas.Text) string {
	r := []rune(strings.TrimSpace(t[t.For("en")]))
	return string(asciifolding.New().Filter([]byte(schemas.Fold(string(r[:min(len(r), 200)])))))
}

// maxSpans is how many separate times of one dataset are told apart; of more, those
// nearest to each other count as one.
const maxSpans = 8

// ends names the fields of the times covered.
func ends() []string {
	var out []string
	for i := range maxSpans {
		out = append(out, fmt.Sprintf("from%d", i), fmt.Sprintf("until%d", i))
	}
	return out
}

// spans are the times that a dataset covers, in order and apart from each other.
func spans(d *schemas.Dataset) [][2]float64 {
	var all [][2]float64
	for _, p := range d.Covered() {
		from, begins := day(p.From, false)
		until, ends := day(p.Until, true)
		if !ends { // it goes on
			until = math.MaxInt32
		}
		if begins || ends {
			all = append(all, [2]float64{from, until})
		}
	}
	slices.SortFunc(all, func(a, b [2]float64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var out [][2]float64
	for _, s := range all {
		if n := len(out); n > 0 && s[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], s[1])
			continue
		}
		out = append(out, s)
	}
	for len(out) > maxSpans {
		nearest := 1
		for i := 2; i < len(out); i++ {
			if out[i][0]-out[i-1][1] < out[nearest][0]-out[nearest-1][1] {
				nearest = i
			}
		}
		out[nearest-1][1] = out[nearest][1]
		out = slices.Delete(out, nearest, nearest+1)
	}
	return out
}

// compounds gives the words with hyphens as one word each: musik-sammlung is found by
// musiksammlung too.
func compounds(texts []string) []string {
	var out []string
	for _, s := range texts {
		for _, w := range strings.Fields(s) {
			if j := joined(w); j != w {
				out = append(out, j)
			}
		}
	}
	return out
}

// joined is a word without its inner hyphens.
func joined(w string) string {
	if !strings.ContainsAny(w, "-\u2010\u2011") { // as of most words
		return w
	}
	return strings.NewReplacer("-", "", "\u2010", "", "\u2011", "").Replace(strings.Trim(w, "-"))
}

// primaryTag is the language of a tag: pt of pt-BR.
func primaryTag(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return primary
}

// formats are the formats that filters find a dataset by: those of its links, and arrow
// where a version can be streamed.
func formats(d *schemas.Dataset) []string {
	var out []string
	objects := 0
	for i := range d.Tables {
		if !d.Tables[i].Objects {
			continue
		}
		objects++
		for _, media := range d.Tables[i].Media {
			if !slices.Contains(out, media) {
				out = append(out, media)
			}
		}
	}
	if d.Latest != nil && (objects < d.Latest.Tables) {
		out = append(out, "arrow")
	}
	for _, l := range d.Links {
		f := strings.ToLower(l.Format)
		if f != "" && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// seenBy lists who may see a restricted dataset.
func seenBy(d *schemas.Dataset) []string {
	out := []string{"p:" + string(d.Provider)}
	if d.AccessBody != "" {
		out = append(out, "p:"+string(d.AccessBody))
	}
	switch d.Visibility {
	case schemas.VisibleToSignedIn:
		out = append(out, "signed-in")
	case schemas.VisibleToListed:
		for _, p := range d.VisibleTo {
			out = append(out, "p:"+string(p))
		}
	}
	return out
}

// day turns YYYY[-MM[-DD]] into a number that sorts like it; the end of a year or
// month is its last day.
func day(s string, end bool) (float64, bool) {
	parts := strings.Split(s, "-")
	fill := []int{0, 1, 1}
	if end {
		fill = []int{0, 12, 31}
	}
	for i := range parts {
		n, err := strconv.Atoi(parts[i])
		if err != nil || i > 2 {
			return 0, false
		}
		fill[i] = n
	}
	return float64(fill[0]*10000 + fill[1]*100 + fill[2]), true
}
