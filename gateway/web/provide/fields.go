package provide

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"guichet/gateway/web/blocks"
	"guichet/schemas"
)

// A description as a form: each field by the name that it has in the page, and back. What a form has no field for
// stays as it was read.

// How much a form shows of tables; descriptions of more are changed by file.
const (
	mostTables  = 20
	mostColumns = 200
	blankRows   = 4
)

// A description as fields of a form:
//
//	title, description, keywords      in the language of the reader; other languages are kept as they are
//	t0-…, t0-c1-…                     a table, and a column of it: their numbers are their places
//
// typedOf writes a dataset as fields, described reads fields into one, over what was there: members that no field shows
// stay. The pointers of the API's faults are those of the description, and lead back to the fields (fieldOf).

// tableForm is a table in the form, with columns to fill in.
type tableForm struct {
	At      string // "t0"
	Name    string
	Was     string // as it was read
	Objects bool
	Columns []columnForm
}

// columnForm is a column in the form.
type columnForm struct {
	At                                        string // "t0-c1"
	Was, Name, Type, Unit, About, Sensitivity string
}

// columnTypes are those that a description may say of a column.
func columnTypes() []string {
	return []string{
		"", "bool", "int64", "float64", "text", "date", "timestamp", "time", "decimal", "int8", "int16", "int32", "uint8", "uint16", "uint32",
		"uint64", "float32", "binary",
	}
}

// typedOf fills a form with a description; lang is the language whose words are shown.
func typedOf(d *schemas.Dataset, lang string) typed {
	t := typed{}
	t.set("lang", lang)
	t.set("title", d.Title[lang])
	t.set("description", d.Description[lang])
	t.set("space", string(d.Space))
	t.set("theme", d.Themes...)
	for name, list := range map[string][]string{"countries": d.Countries, "languages": d.Languages, "keywords": d.Keywords} {
		t.set(name, strings.Join(list, ", "))
	}
	for name, s := range map[string]string{"licence": d.Licence, "attribution": d.Attribution, "publisher": d.Publisher, "contact": d.Contact,
		"from": d.From, "until": d.Until, "visibility": string(d.Visibility)} {
		t.set(name, s)
	}
	t.set("tables", strconv.Itoa(len(d.Tables)))
	for i := range d.Tables {
		table, at := &d.Tables[i], fmt.Sprintf("t%d", i)
		t.set(at+"-name", table.Name)
		t.set(at+"-was", table.Name)
		t.set(at+"-columns", strconv.Itoa(len(table.Fields)))
		if table.Objects {
			t.set(at+"-objects", "yes")
		}
		for j := range table.Fields {
			f, c := &table.Fields[j], fmt.Sprintf("%s-c%d", at, j)
			for name, s := range map[string]string{"was": f.Name, "name": f.Name, "type": f.Type, "unit": f.Unit, "about": f.Description[lang],
				"sensitivity": string(f.Sensitivity)} {
				t.set(c+"-"+name, s)
			}
		}
	}
	return t
}

// wide says whether a description has more tables or columns than a form shows.
func wide(d *schemas.Dataset) bool {
	n := 0
	for i := range d.Tables {
		n += len(d.Tables[i].Fields)
	}
	return len(d.Tables) > mostTables || n > mostColumns
}

// count reads how many of something a form has, at most most.
func (t typed) count(name string, most int) int {
	n, err := strconv.Atoi(t.Get(name))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, most)
}

// tables reads the tables of a form, with blank columns to fill in.
func (t typed) tables() []tableForm {
	var out []tableForm
	n, left := t.count("tables", mostTables), mostColumns
	if t.Get("do") == "more-tables" {
		n = min(n+1, mostTables)
	}
	for i := range max(n, 1) {
		at := fmt.Sprintf("t%d", i)
		table := tableForm{At: at, Name: t.Get(at + "-name"), Was: t.Get(at + "-was"), Objects: t.Get(at+"-objects") != ""}
		have := min(t.count(at+"-columns", mostColumns), left)
		for j := range have {
			table.Columns = append(table.Columns, t.column(fmt.Sprintf("%s-c%d", at, j)))
		}
		if t.Get("do") == "more-"+at || have == 0 {
			for j := range min(blankRows, left-have) {
				table.Columns = append(table.Columns, t.column(fmt.Sprintf("%s-c%d", at, have+j)))
			}
		}
		left -= len(table.Columns)
		out = append(out, table)
	}
	return out
}

func (t typed) column(at string) columnForm {
	return columnForm{At: at, Was: t.Get(at + "-was"), Name: t.Get(at + "-name"), Type: t.Get(at + "-type"), Unit: t.Get(at + "-unit"),
		About: t.Get(at + "-about"), Sensitivity: t.Get(at + "-sensitivity")}
}

// blank says whether nothing was said of a column.
func (c columnForm) blank() bool { return c.Name+c.Type+c.Unit+c.About+c.Sensitivity == "" }

// described puts what was typed into a description. at says of what was typed into tables under which pointer the API
// speaks of it: pointer to field.
func described(base schemas.Dataset, t typed) (d schemas.Dataset, at map[string]string) {
	d, at = base, map[string]string{}
	lang := t.Get("lang")
	d.Title, d.Description = say(base.Title, lang, t.Get("title")), say(base.Description, lang, t.Get("description"))
	if d.Title == nil { // which the API says is missing, and where
		d.Title = schemas.Text{}
	}
	d.Space, d.Visibility = schemas.SpaceID(t.Get("space")), schemas.Visibility(t.Get("visibility"))
	d.Themes = slices.DeleteFunc(slices.Clone(t["theme"]), func(s string) bool { return s == "" })
	d.Countries, d.Languages, d.Keywords = blocks.Split(t.Get("countries")), blocks.Split(t.Get("languages")), blocks.Split(t.Get("keywords"))
	d.KeywordsIn = kept(base.KeywordsIn, d.Keywords)
	d.Attribution, d.Publisher, d.Contact = t.Get("attribution"), t.Get("publisher"), t.Get("contact")
	if s := strings.TrimSpace(t.Get("licence")); s != base.Licence {
		d.Licence, d.Licences = s, nil
	}
	if from, until := strings.TrimSpace(t.Get("from")), strings.TrimSpace(t.Get("until")); from != base.From || until != base.Until {
		d.From, d.Until, d.Periods = from, until, nil
	}
	d.Offer, d.Latest, d.Profiles, d.Quality, d.Facts, d.Notes = nil, nil, nil, nil, nil, nil
	if wide(&base) {
		return d, at
	}
	d.Tables = nil
	for _, tf := range t.tables() {
		table := schemas.TableInfo{}
		if i := slices.IndexFunc(base.Tables, func(x schemas.TableInfo) bool { return tf.Was != "" && x.Name == tf.Was }); i >= 0 {
			table = base.Tables[i]
		}
		before := table.Fields
		pointer := fmt.Sprintf("/tables/%d", len(d.Tables))
		table.Name, table.Objects, table.Fields = strings.TrimSpace(tf.Name), tf.Objects, nil
		for _, c := range tf.Columns {
			if c.blank() {
				continue
			}
			f := schemas.Field{}
			if i := slices.IndexFunc(before, func(x schemas.Field) bool { return c.Was != "" && x.Name == c.Was }); i >= 0 {
				f = before[i]
			}
			at[fmt.Sprintf("%s/fields/%d", pointer, len(table.Fields))] = c.At
			f.Name, f.Type, f.Unit, f.Sensitivity = c.Name, c.Type, c.Unit, schemas.Sensitivity(c.Sensitivity)
			f.Description = say(f.Description, lang, c.About)
			table.Fields = append(table.Fields, f)
		}
		if table.Name == "" && len(table.Fields) == 0 && !table.Objects {
			continue
		}
		at[pointer] = tf.At
		d.Tables = append(d.Tables, table)
	}
	return d, at
}

// say puts words in a language beside those in others; no words take them away.
func say(t schemas.Text, lang, words string) schemas.Text {
	out := maps.Clone(t)
	if out == nil {
		out = schemas.Text{}
	}
	out[lang] = strings.ReplaceAll(words, "\r\n", "\n")
	if strings.TrimSpace(words) == "" {
		delete(out, lang)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// kept says in which languages the keywords that are left are.
func kept(in schemas.KeywordsIn, words []string) schemas.KeywordsIn {
	var out schemas.KeywordsIn
	for tag, list := range in {
		list = slices.DeleteFunc(slices.Clone(list), func(w string) bool { return !slices.Contains(words, w) })
		if len(list) == 0 {
			continue
		}
		if out == nil {
			out = schemas.KeywordsIn{}
		}
		out[tag] = list
	}
	return out
}

// fieldOf finds the field of the form that a fault is about; "" for none.
func fieldOf(pointer string, at map[string]string) string {
	pointer = strings.TrimPrefix(pointer, "/body")
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	switch first := parts[0]; first {
	case "title", "description", "space", "countries", "languages", "keywords", "licence", "attribution", "publisher", "contact", "from",
		"until", "visibility":
		return first
	case "themes":
		return "theme"
	case "licences":
		return "licence"
	case "periods":
		return "from"
	case "keywords_in":
		return "keywords"
	case "tables":
		if len(parts) >= 4 && parts[2] == "fields" {
			if f, is := at["/"+strings.Join(parts[:4], "/")]; is {
				return f + "-" + columnPart(parts[4:])
			}
		}
		if len(parts) >= 2 {
			if f, is := at["/"+strings.Join(parts[:2], "/")]; is {
				return f + "-name"
			}
		}
	}
	return ""
}

// columnPart is the field of a column that the rest of a pointer is about.
func columnPart(rest []string) string {
	if len(rest) > 0 {
		switch rest[0] {
		case "type", "unit", "sensitivity":
			return rest[0]
		case "description":
			return "about"
		}
	}
	return "name"
}
