package words

import (
	"slices"

	"github.com/blevesearch/bleve/v2/analysis/lang/bg"
	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/el"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/ga"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pl"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/lang/tr"
	"github.com/blevesearch/bleve/v2/analysis/token/apostrophe"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
)

// stemmers are Bleve's filters of each language, in their order. Each begins with the words
// that say nothing by themselves.
func stemmers() map[string][]string {
	return map[string][]string{
		"da": again(da.SnowballStemmerName, da.StopName),
		"de": {de.StopName, de.NormalizeName, de.LightStemmerName},
		"en": {en.PossessiveName, en.StopName, porter.Name},
		"es": {es.StopName, es.SnowballStemmerName, es.NormalizeName}, // the light one leaves guías
		"fi": again(fi.SnowballStemmerName, fi.StopName),
		"fr": {fr.ElisionName, fr.StopName, fr.LightStemmerName},
		"hu": again(hu.SnowballStemmerName, hu.StopName),
		"it": {it.ElisionName, it.StopName, it.LightStemmerName},
		"nl": {nl.StopName, nl.SnowballStemmerName},
		"no": {no.StopName, no.SnowballStemmerName},
		"pt": {pt.StopName, pt.LightStemmerName},
		"ru": {ru.StopName, ru.SnowballStemmerName},
		"sv": again(sv.SnowballStemmerName, sv.StopName),
		"tr": {apostrophe.Name, tr.StopName, tr.SnowballStemmerName},
	}
}

// again is a stemmer that takes one ending a time, asked until it leaves the word alone: of
// adat and adatok it makes ad and adat, and then ad.
func again(stemmer string, before ...string) []string {
	return append(before, slices.Repeat([]string{stemmer}, 4)...)
}

// behind are the languages whose stems a table of ours goes over.
func behind() []string { return []string{"es", "fi", "it", "nl", "pt", "sv"} }

// lights are the languages whose words are stemmed by tables of ours, and the lists of words
// that say nothing by themselves where Bleve has a good one. Bleve has stemmers of three
// of them, too: the Croatian parts vozilo from vozila, the Polish szkoła from szkoły
// (findings/bleve-polish-forms-part.sh), and the
// Romanian wants accents that people do not type, and parts drum from drumuri.
func lights() map[string][]byte {
	return map[string][]byte{
		"bg": bg.BulgarianStopWords, "cs": nil, "el": el.GreekStopWords, "et": nil, "ga": ga.IrishStopWords, "hr": nil, "lt": nil,
		"lv": nil, "mt": nil, "pl": pl.PolishStopWords, "ro": ro.RomanianStopWords, "sk": nil, "sl": nil,
	}
}

// said are the lists of words that say nothing by themselves of the languages that Bleve
// stems: they tell which language a text is in.
func said() map[string][]byte {
	return map[string][]byte{
		"da": da.DanishStopWords, "de": de.GermanStopWords, "en": en.EnglishStopWords, "es": es.SpanishStopWords, "fi": fi.FinnishStopWords,
		"fr": fr.FrenchStopWords, "hu": hu.HungarianStopWords, "it": it.ItalianStopWords, "nl": nl.DutchStopWords, "pt": pt.PortugueseStopWords,
		"ru": ru.RussianStopWords, "sv": sv.SwedishStopWords,
	}
}

// elided are words that stand before an apostrophe and belong to the next.
func elided() map[string][]string {
	return map[string][]string{
		"fr": {"l", "d", "qu", "n", "s", "j", "c", "m", "t", "jusqu", "lorsqu"},
		"it": {"l", "d", "dell", "nell", "all", "dall", "sull", "un", "c", "quell"},
		"mt": {"b", "f", "m", "t"},
	}
}
