package words

import (
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
	"github.com/blevesearch/bleve/v2/analysis/lang/pl"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
)

// stemmers are Bleve's filters of each language, in their order. Each begins with the words
// that say nothing by themselves.
func stemmers() map[string][]string {
	return map[string][]string{
		"da": {da.StopName, da.SnowballStemmerName},
		"de": {de.StopName, de.NormalizeName, de.LightStemmerName},
		"en": {en.PossessiveName, en.StopName, porter.Name},
		"es": {es.StopName, es.SnowballStemmerName, es.NormalizeName}, // Bleve's own analyzer leaves plurals of short words alone
		"fi": {fi.StopName, fi.SnowballStemmerName},
		"fr": {fr.ElisionName, fr.StopName, fr.LightStemmerName},
		"hr": {hr.StopName, hr.SuffixTransformationFilterName, hr.StemmerName},
		"hu": {hu.StopName, hu.SnowballStemmerName},
		"it": {it.ElisionName, it.StopName, it.LightStemmerName},
		"nl": {nl.StopName, nl.SnowballStemmerName},
		"no": {no.StopName, no.SnowballStemmerName},
		"pl": {pl.StopName, pl.SnowballStemmerName},
		"pt": {pt.StopName, pt.LightStemmerName},
		"ro": {ro.StopName, ro.SnowballStemmerName},
		"ru": {ru.StopName, ru.SnowballStemmerName},
		"sv": {sv.StopName, sv.SnowballStemmerName},
	}
}
