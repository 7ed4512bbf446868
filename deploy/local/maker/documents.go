package maker

import (
	"maps"
	"slices"
)

// text is words by language tag.
type text map[string]string

// dataset is one invented dataset: what is said of it and how its rows come
// about.
type dataset struct {
	provider, slug, space string
	template              string // of the offer
	title, description    text
	keywords, themes      []string
	countries, languages  []string
	publisher, licence    string
	from, until           string
	weight                float64 // its part of all bytes, relative to the others
	tables                []table
}

// The documents have the member names of the gateway's schemas.Dataset and
// schemas.Publication.
type (
	datasetDoc struct {
		IRI         string     `yaml:"iri"`
		Provider    string     `yaml:"provider"`
		Space       string     `yaml:"space"`
		Title       text       `yaml:"title"`
		Description text       `yaml:"description"`
		Keywords    []string   `yaml:"keywords"`
		Themes      []string   `yaml:"themes"`
		Countries   []string   `yaml:"countries"`
		Box         []float64  `yaml:"box,flow"`
		Languages   []string   `yaml:"languages"`
		Publisher   string     `yaml:"publisher"`
		Licence     string     `yaml:"licence"`
		Attribution string     `yaml:"attribution"`
		From        string     `yaml:"from"`
		Until       string     `yaml:"until"`
		Tables      []tableDoc `yaml:"tables"`
	}
	tableDoc struct {
		Name   string     `yaml:"name"`
		Title  text       `yaml:"title"`
		Fields []fieldDoc `yaml:"fields"`
	}
	fieldDoc struct {
		Name        string `yaml:"name"`
		Type        string `yaml:"type"`
		Unit        string `yaml:"unit,omitempty"`
		Concept     string `yaml:"concept,omitempty"`
		Description text   `yaml:"description,omitempty"`
		Sensitivity string `yaml:"sensitivity,omitempty"`
	}
	publicationDoc struct {
		Version string           `json:"version"`
		Store   string           `json:"store"`
		Bucket  string           `json:"bucket"`
		Tables  []publishedTable `json:"tables"`
	}
	publishedTable struct {
		Name   string           `json:"name"`
		Splits []publishedSplit `json:"splits"`
	}
	publishedSplit struct {
		Name   string `json:"name"`
		Prefix string `json:"prefix"`
	}
)

func (d *dataset) document() datasetDoc {
	holder := "https://" + d.provider + ".example"
	doc := datasetDoc{
		IRI: holder + "/datasets/" + d.slug, Provider: holder, Space: d.space,
		Title: maps.Clone(d.title), Description: maps.Clone(d.description),
		Keywords: d.keywords, Themes: d.themes, Countries: d.countries, Languages: d.languages,
		Box:       around(d.countries),
		Publisher: d.publisher, Licence: d.licence, Attribution: "© " + d.publisher,
		From: d.from, Until: d.until,
	}
	for i := range d.tables {
		t := &d.tables[i]
		td := tableDoc{Name: t.name, Title: maps.Clone(t.title)}
		for _, c := range t.columns {
			td.Fields = append(td.Fields, fieldDoc{
				Name: c.name, Type: c.word(), Unit: c.unit, Concept: c.concept,
				Description: maps.Clone(c.about), Sensitivity: c.sensitivity,
			})
		}
		doc.Tables = append(doc.Tables, td)
	}
	return doc
}

// around is the box around countries: west, south, east and north in degrees.
func around(countries []string) []float64 {
	boxes := map[string][]float64{
		"BE": {2.5, 49.4, 6.4, 51.6}, "DE": {5.8, 47.2, 15.1, 55.1}, "DK": {8, 54.5, 12.7, 57.8}, "EE": {21.7, 57.5, 28.3, 59.7},
		"FI": {20.5, 59.7, 31.6, 70.1}, "FR": {-5.2, 41.3, 9.6, 51.1}, "IT": {6.6, 36.6, 18.6, 47.1}, "LT": {20.9, 53.9, 26.9, 56.5},
		"LV": {20.9, 55.6, 28.3, 58.1}, "NL": {3.3, 50.7, 7.3, 53.6}, "SE": {11, 55.3, 24.2, 69.1},
	}
	out := slices.Clone(boxes[countries[0]])
	for _, c := range countries[1:] {
		b := boxes[c]
		out = []float64{min(out[0], b[0]), min(out[1], b[1]), max(out[2], b[2]), max(out[3], b[3])}
	}
	return out
}

func (d *dataset) publication() publicationDoc {
	p := publicationDoc{Version: "2026-01", Store: Store, Bucket: Bucket}
	for i := range d.tables {
		t := &d.tables[i]
		pt := publishedTable{Name: t.name}
		for _, s := range t.splits {
			pt.Splits = append(pt.Splits, publishedSplit{
				Name: s.name, Prefix: d.provider + "/" + d.slug + "/" + t.name + "/" + s.name + "/",
			})
		}
		p.Tables = append(p.Tables, pt)
	}
	return p
}

// everything lists the datasets, by space.
func everything() []dataset {
	var all []dataset
	for _, space := range [][]dataset{agriculture(), energy(), mobility(), health()} {
		all = append(all, space...)
	}
	return all
}
