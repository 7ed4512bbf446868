// Package document makes of a dataset what the search index holds of it.
//
// In: datasets, with the group of those that describe the same data. Out: Bleve's documents,
// whose fields bring their terms as they are to be indexed; the names of these fields, and the
// terms that filters of columns and times look for. Always: the same dataset makes the same
// document; how much a word says of a dataset depends on the dataset alone. It must not know
// searches.
package document

import (
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/mapping"
	bindex "github.com/blevesearch/bleve_index_api"

	"guichet/catalog/index/segment"
	"guichet/catalog/index/words"
	"guichet/schemas"
)

// Edition is the form of what is indexed: raise it when a document or its words change, and
// indexes of another form begin anew.
const Edition = "6"

// Fields that no filter names.
const (
	Words    = "words"    // all words and stems, each with its impact; places of the words
	Seen     = "seen"     // who may see it, where not everyone may
	Sorted   = "sorted"   // the title that it is sorted by
	Columns  = "columns"  // each column in three orders of what is said of it
	Span     = "span"     // times covered
	Box      = "box"      // areas covered
	Group    = "group"    // those of one group describe the same data
	First    = "first"    // which of a group stands for it
	Modified = "modified" // in microseconds
	Size     = "size"     // bytes of the newest version
	Quality  = "quality"  // points
)

// Facets names the fields that can be filtered by and counted.
func Facets() []string {
	return []string{"space", "theme", "country", "language", "publisher", "licence", "format", "provider", "column", "unit"}
}

// Filters names the fields that can be filtered by.
func Filters() []string { return append(Facets(), "type", "concept", "region") }

// Fields are those that columns are made of.
func Fields(m *words.Maker) segment.Fields {
	return segment.Fields{
		Counted: Facets(), Numbers: []string{Modified, Size, Quality, First}, Text: Sorted, Spans: Span, Boxes: Box,
		Group: Group, First: First, Owner: "provider", Own: harvested, Words: Words, Stems: m.Languages(),
	}
}

// harvested is First of what others describe: what is registered here has less.
const harvested = 2

// Mapping maps nothing: documents bring their fields as they are to be indexed.
func Mapping() *mapping.IndexMappingImpl {
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentDisabledMapping()
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// field is one of a document's, with what Bleve is to know of it.
type field struct {
	name    string
	options bindex.FieldIndexingOptions
	terms   bindex.TokenFrequencies
}

var _ document.Field = (*field)(nil)

func (f *field) Name() string                                      { return f.name }
func (f *field) Value() []byte                                     { return nil }
func (f *field) ArrayPositions() []uint64                          { return nil }
func (f *field) EncodedFieldType() byte                            { return 't' }
func (f *field) Analyze()                                          {}
func (f *field) Options() bindex.FieldIndexingOptions              { return f.options }
func (f *field) AnalyzedLength() int                               { return 1 } // what is long is in the impacts already
func (f *field) AnalyzedTokenFrequencies() bindex.TokenFrequencies { return f.terms }
func (f *field) NumPlainTextBytes() uint64                         { return 0 }
func (f *field) Size() int                                         { return len(f.terms) }

// codes is a field of values that are found whole. Bleve takes a term from its key.
func codes(name string, values ...string) *field {
	f := &field{name: name, options: bindex.IndexField | bindex.SkipFreqNorm}
	for _, v := range values {
		if v == "" {
			continue
		}
		if f.terms == nil {
			f.terms = make(bindex.TokenFrequencies, len(values))
		}
		f.terms[v] = &bindex.TokenFreq{}
	}
	return f
}

// Also is what is known of a dataset beside its description.
type Also struct {
	Group    string         // that it is in; "" is none
	Concepts []schemas.Text // names of what it says in codes that are no members of it
}

// Of is what Bleve gets of a dataset.
func Of(m *words.Maker, d *schemas.Dataset, also Also) *document.Document {
	doc := document.NewDocument(string(d.ID))
	doc.AddField(wordsOf(m, d, also.Concepts))
	types, concepts, columns := described(d)
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"space", []string{string(d.Space)}}, {"theme", d.Themes}, {"country", d.Countries}, {"language", d.Languages},
		{"publisher", []string{d.Publisher}}, {"licence", d.Licensed()}, {"format", formats(d)}, {"provider", []string{string(d.Provider)}},
		{"column", columnNames(d)}, {"unit", units(d)}, {"type", types}, {"concept", concepts}, {"region", regions(d)}, {Seen, seenBy(d)},
	} {
		keys := make([]string, len(f.values))
		for i := range f.values {
			keys[i] = schemas.Key(f.values[i])
		}
		doc.AddField(codes(f.name, keys...))
	}
	doc.AddField(codes(Columns, columns...))
	doc.AddField(codes(Group, also.Group))
	sorted := codes(Sorted, SortTitle(d.Title))
	sorted.options |= bindex.DocValues
	doc.AddField(sorted)
	var covered []string
	for _, s := range spans(d) {
		covered = append(covered, segment.Span(s[0], s[1]))
	}
	doc.AddField(codes(Span, covered...))
	doc.AddField(codes(Box, box(d)...))
	bytes, points, first := int64(0), int64(0), int64(harvested)
	if d.Latest != nil {
		bytes, first = d.Latest.Bytes, 0 // it can be streamed
	} else if d.Source == "" {
		first = 1
	}
	if d.Profiles != nil {
		points = int64(d.Profiles.Points)
	}
	for name, n := range map[string]int64{Modified: d.Modified.UnixMicro(), Size: bytes, Quality: points, First: first} {
		doc.AddField(codes(name, segment.Number(n)))
	}
	return doc
}

// The places of words in a description, by how much they say of a dataset.
const (
	inTitle       = 4.0
	inKeywords    = 1.5
	inDescription = 1.0
	inNames       = 1.0 // publisher, identifiers, tables
	inData        = 0.8
)

// Machine translations count less than what people wrote; parts of a compound less than it.
const (
	ofTranslation = 0.7
	ofPart        = 0.5
	ofJoined      = 0.8
)

// writer gathers the words of a dataset. A dataset has hundreds: they stand in few pieces of
// memory, which is most of what they cost.
type writer struct {
	maker    *words.Maker
	position int
	length   float64 // words
	place    map[string]int
	said     []said // of each word and stem, at its place
	stands   []stand
}

// said is how much a word or stem says, and how often it stands there as a word.
type said struct {
	weight float64
	times  int
}

// stand is a word's place among those said, and its position.
type stand struct{ place, position int }

// say adds to what a word or stem says, and gives its place.
func (w *writer) say(text string, weight float64) int {
	at, known := w.place[text]
	if !known {
		at = len(w.said)
		w.place[text] = at
		w.said = append(w.said, said{})
	}
	w.said[at].weight += weight
	return at
}

// terms are what was gathered, as Bleve takes it: each term from its key.
func (w *writer) terms() bindex.TokenFrequencies {
	freqs := make([]bindex.TokenFreq, len(w.said))
	locations, each := make([]bindex.TokenLocation, len(w.stands)), make([]*bindex.TokenLocation, len(w.stands))
	from := 0
	for i, x := range w.said {
		freqs[i].SetFrequency(impact(x.weight, w.length))
		if x.times > 0 {
			freqs[i].Locations = each[from : from : from+x.times]
			from += x.times
		}
	}
	for i, x := range w.stands {
		locations[i].Position = x.position
		freqs[x.place].Locations = append(freqs[x.place].Locations, &locations[i])
	}
	out := make(bindex.TokenFrequencies, len(freqs))
	for text, at := range w.place {
		out[text] = &freqs[at]
	}
	return out
}

// wordsOf is the field of all words of a dataset.
func wordsOf(m *words.Maker, d *schemas.Dataset, concepts []schemas.Text) *field {
	w := &writer{maker: m, place: make(map[string]int, usual), said: make([]said, 0, usual), stands: make([]stand, 0, usual)}
	own := ownLanguages(m, d)
	w.texts(inTitle, d.Title, own)
	w.texts(inDescription, d.Description, own)
	w.keywords(d, own)
	w.phrases(inNames, append([]string{d.Publisher, d.IRI}, d.Identifiers...), nil)
	for _, name := range concepts {
		w.texts(inNames, name, own)
	}
	for i := range d.Tables {
		t := &d.Tables[i]
		w.texts(inNames, t.Title, own)
		var names []string
		about := map[string]*strings.Builder{}
		for _, f := range t.Fields {
			names = append(names, f.Name)
			if apart := partsOfName(f.Name); apart != f.Name {
				names = append(names, apart)
			}
			for tag, s := range f.Description {
				if about[tag] == nil {
					about[tag] = &strings.Builder{}
				}
				about[tag].WriteString(s + "\n")
			}
		}
		w.phrases(inData, names, nil)
		in := schemas.Text{}
		for tag, b := range about {
			in[tag] = b.String()
		}
		w.texts(inData, in, own)
	}
	return &field{Words, bindex.IndexField | bindex.IncludeTermVectors, w.terms()}
}

// impact is how much a word says of a dataset, from 1 to segment.MaxImpact: the second time
// that it stands there says less than the first, and in a long description less than in a
// short one [BM25F].
func impact(weight, length float64) int {
	return max(1, int(math.Round(segment.MaxImpact*weight/(weight+1.2*(0.25+0.75*length/usual)))))
}

// texts adds a text in all its languages.
func (w *writer) texts(p float64, t schemas.Text, own []string) {
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		in, languages := p, []string{tag}
		if schemas.Translated(tag) {
			in *= ofTranslation
		}
		if tag == "" && len(own) > 0 {
			languages = own[:1]
		}
		w.text(in, t[tag], languages)
	}
}

// phrases adds short texts, in each of some languages; none is any.
func (w *writer) phrases(p float64, list []string, languages []string) {
	if len(languages) == 0 {
		languages = []string{""}
	}
	w.text(p, strings.Join(list, "\n\n"), languages)
}

// keywords adds them in their languages; those that do not say theirs in those of the dataset.
func (w *writer) keywords(d *schemas.Dataset, own []string) {
	told, untold := map[string]bool{}, []string(nil)
	for _, list := range d.KeywordsIn {
		for _, k := range list {
			told[k] = true
		}
	}
	for _, k := range d.Keywords {
		if !told[k] {
			untold = append(untold, k)
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(d.KeywordsIn)) {
		w.phrases(inKeywords, d.KeywordsIn[tag], []string{tag})
	}
	w.phrases(inKeywords, untold, own)
}

// text adds the words of a text, and notes where they stand: what is on another line is not
// beside them.
func (w *writer) text(p float64, s string, languages []string) {
	for i, language := range languages {
		all := w.maker.Words(s, language)
		if i == 0 {
			w.length += float64(len(all))
		}
		w.position += 100
		last := 0
		for _, word := range all {
			for j, stem := range word.Stems {
				if j == 0 {
					w.say(stem, p)
				} else {
					w.say(stem, p*ofPart)
				}
			}
			if i > 0 { // the words themselves are there
				continue
			}
			w.position++
			if strings.Contains(s[last:word.Start], "\n") {
				w.position += 100
			}
			last = word.End
			at := w.say(word.Text, p)
			w.said[at].times++
			w.stands = append(w.stands, stand{at, w.position})
			if word.Joined != "" {
				w.say(word.Joined, p*ofJoined)
			}
		}
	}
}

// usual is how many words a description has as a rule, in all its languages.
const usual = 300

// maxOwn bounds the languages in which texts are read that do not say theirs.
const maxOwn = 4

// ownLanguages are those in which a dataset is described, in order; where none is said, the
// one that its words are taken for.
func ownLanguages(m *words.Maker, d *schemas.Dataset) []string {
	var out []string
	for tag := range d.Title {
		if l := m.Language(tag); l != "" && !schemas.Translated(tag) && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if guessed := m.Guess(d.Title[""], d.Description[""]); len(out) == 0 && guessed != "" {
		return []string{guessed}
	}
	slices.Sort(out)
	return out[:min(len(out), maxOwn)]
}

// partsOfName writes a column's name in words: wind speed of wind_speed and windSpeed.
func partsOfName(name string) string {
	var b strings.Builder
	last := rune(0)
	for _, r := range name {
		switch {
		case r == '_' || r == '.' || r == '-':
			b.WriteRune(' ')
		case unicode.IsUpper(r) && unicode.IsLower(last):
			b.WriteRune(' ')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

// SortTitle is what titles are ordered by: the one for readers of English, folded.
func SortTitle(t schemas.Text) string {
	r := []rune(strings.TrimSpace(t[t.For("en")]))
	return string(asciifolding.New().Filter([]byte(schemas.Fold(string(r[:min(len(r), 200)])))))
}

// box is the area that a dataset covers, where that is said.
func box(d *schemas.Dataset) []string {
	if len(d.Box) != 4 {
		return nil
	}
	at := func(i int) segment.Degrees { return segment.Degrees{Lon: float32(d.Box[i]), Lat: float32(d.Box[i+1])} }
	return []string{segment.Box(at(0), at(2))}
}

// regions are the statistical regions that a dataset covers, with those that they lie in:
// BE, BE1 and BE10 of BE10. Countries are regions; Greece is EL among these [NUTS].
func regions(d *schemas.Dataset) []string {
	all := slices.Clone(d.Regions)
	for _, c := range d.Countries {
		all = append(all, strings.Replace(c, "GR", "EL", 1))
	}
	var out []string
	for _, r := range all {
		for n := 2; n <= len(r); n++ {
			if !slices.Contains(out, r[:n]) {
				out = append(out, r[:n])
			}
		}
	}
	return out
}
