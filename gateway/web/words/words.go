// Package words gives the words of the pages in the languages of their readers.
//
// In: message catalogues, a folder for each language, and what a browser says of its reader.
// Out: messages, numbers, sizes and dates as that reader writes them. Always: every
// language has every message, which a test holds; a language is added by a folder. It knows
// no page.
//
// The words stand in text/LANGUAGE, a file for each matter; a message has one place. Messages with numbers have the
// plural forms of their language [CLDR]; labels of countries and languages come from CLDR too, those of purposes from
// the closed list, those of codes of ours from the files. What rules and the API say is written in English where it is
// decided; said/LANGUAGE has the same sentences in that language.
package words

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"guichet/schemas"
)

//go:embed text/*/*.json said/*/*.json
var text embed.FS

// Catalogue holds the messages of all languages. Read-only, safe for concurrent use.
type Catalogue struct {
	bundle  *i18n.Bundle
	matcher language.Matcher
	tags    []language.Tag // English first: where nothing fits
	readers map[string]*Reader
}

// purposes are the labels of the closed list of purposes, by ids and IRIs, and the ids of those that no
// law excludes, in their order.
func purposes() (labels map[string]schemas.Text, ids []string, err error) {
	all, err := schemas.Purposes()
	labels = map[string]schemas.Text{}
	for _, p := range all {
		labels[p.ID], labels[p.IRI] = p.Label, p.Label
		if p.Excluded == "" {
			ids = append(ids, p.ID)
		}
	}
	return labels, ids, err
}

// Load reads the message catalogues.
func Load() (*Catalogue, error) {
	files, err := fs.Glob(text, "text/*/*.json")
	if err != nil {
		return nil, fmt.Errorf("find the words of the pages: %w", err)
	}
	c := &Catalogue{bundle: i18n.NewBundle(language.English), tags: []language.Tag{language.English}, readers: map[string]*Reader{}}
	c.bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, f := range files {
		b, err := text.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read the words of the pages: %w", err)
		}
		m, err := c.bundle.ParseMessageFileBytes(b, path.Base(path.Dir(f))+".json") // whose name says the language
		if err != nil {
			return nil, fmt.Errorf("read the words of the pages in %s: %w", f, err)
		}
		if !slices.Contains(c.tags, m.Tag) {
			c.tags = append(c.tags, m.Tag)
		}
	}
	labels, ids, err := purposes()
	if err != nil {
		return nil, err
	}
	c.matcher = language.NewMatcher(c.tags)
	for _, tag := range c.tags {
		r := &Reader{Tag: tag.String(), purposes: labels, ids: ids}
		r.local, r.print = i18n.NewLocalizer(c.bundle, r.Tag), message.NewPrinter(tag)
		r.Language = r.T("language")
		r.said, err = spoken(text, r.Tag, labels, coding{r.code, r.Any})
		if err != nil {
			return nil, err
		}
		c.readers[r.Tag] = r
	}
	return c, nil
}

// Readers lists one reader of each language, English first.
func (c *Catalogue) Readers() []*Reader {
	var out []*Reader
	for _, tag := range c.tags {
		out = append(out, c.readers[tag.String()])
	}
	return out
}

// For finds the reader's language: the one that was chosen, else the best of those that the
// browser names [RFC 9110 §12.5.4], else English.
func (c *Catalogue) For(chosen, acceptLanguage string) *Reader {
	if r := c.readers[chosen]; r != nil {
		return r
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 || len(wanted) > 100 {
		return c.readers[c.tags[0].String()]
	}
	_, i, _ := c.matcher.Match(wanted...)
	return c.readers[c.tags[i].String()]
}

// Reader is who reads in one language.
type Reader struct {
	Tag      string // BCP 47
	Language string // its name in itself
	local    *i18n.Localizer
	print    *message.Printer
	purposes map[string]schemas.Text
	ids      []string   // of the purposes that people choose from
	said     *sentences // of rules and the API, in English those alone that name codes; nil: as they are written
}

// Purposes lists the ids of the purposes that data may be asked for, in the order of their list.
func (r *Reader) Purposes() []string { return slices.Clone(r.ids) }

// Purpose gives the label of a purpose, else its id.
func (r *Reader) Purpose(id string) string {
	label := r.purposes[id]
	if s := label[label.For(r.Tag)]; s != "" {
		return s
	}
	return id
}

// T gives a message. args are pairs of name and value, which stand in the message as {{.Name}}; Count
// picks its plural form, and stands in it as a number of the language. An unknown message is its own id.
func (r *Reader) T(id string, args ...any) string {
	conf := i18n.LocalizeConfig{MessageID: id}
	data := map[string]any{}
	for i := 0; i+1 < len(args); i += 2 {
		name, _ := args[i].(string)
		data[name] = args[i+1]
		if name == "Count" {
			n := whole(args[i+1])
			conf.PluralCount, data[name] = n, r.Number(n)
		}
	}
	conf.TemplateData = data
	s, err := r.local.Localize(&conf)
	if err != nil {
		return id
	}
	return s
}

// Has says whether there is a message of this id.
func (r *Reader) Has(id string) bool { return r.T(id) != id }

// whole is a number of things, whatever its type.
func whole(v any) int64 {
	switch n := v.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case uint64:
		return int64(n)
	}
	return 0
}

// Number writes a whole number.
func (r *Reader) Number(n any) string { return r.print.Sprint(number.Decimal(whole(n))) }

// Decimal writes a number that is given as text, without signs between its thousands: it may be a year. What is
// no number, or too long for a line, stays as it is.
func (r *Reader) Decimal(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "eE") {
		return s
	}
	return r.print.Sprint(number.Decimal(f, number.NoSeparator(), number.MaxFractionDigits(12)))
}

// Share writes a part of one in hundredths; of what is less than one of them, that it is.
func (r *Reader) Share(f float64) string {
	if f > 0 && f < 0.005 {
		return "<\u00a0" + r.print.Sprint(number.Percent(0.01, number.MaxFractionDigits(0)))
	}
	return r.print.Sprint(number.Percent(f, number.MaxFractionDigits(0)))
}

// Size writes a number of bytes, in steps of 1000, to three digits at most.
func (r *Reader) Size(bytes int64) string {
	units := strings.Fields(r.T("size.units"))
	v, u := float64(bytes), 0
	for v >= 999.5 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	digits := 0
	if u > 0 && v < 99.95 {
		digits = 1
	}
	return r.print.Sprint(number.Decimal(v, number.MaxFractionDigits(digits))) + "\u00a0" + units[u]
}

// Date writes the day of a time in UTC; "" for none.
func (r *Reader) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	months := strings.Fields(r.T("date.months"))
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = r.T("date.first")
	}
	return r.T("date", "Day", day, "Month", months[t.Month()-1], "Year", t.Year())
}

// Last writes the last day on which something holds that ends at t: an end at midnight is
// the day before.
func (r *Reader) Last(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return r.Date(t.Add(-time.Nanosecond))
}

// Moment writes a time to the second in UTC.
func (r *Reader) Moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return r.Date(t) + " " + t.UTC().Format("15:04:05") + " UTC"
}

// Wait writes how long an answer takes.
func (r *Reader) Wait(w *schemas.Wait) string {
	if w.Hours < 48 {
		return r.T("wait.hours", "Count", w.Hours)
	}
	return r.T("wait.days", "Count", (w.Hours+12)/24)
}

// Label names a value of a filter: countries, languages and spaces in the reader's language; "" for others.
func (r *Reader) Label(filter, code string) string {
	tag := language.Make(r.Tag)
	switch filter {
	case "country":
		region, err := language.ParseRegion(code)
		if err == nil {
			return display.Regions(tag).Name(region)
		}
	case "language":
		of, err := language.Parse(code)
		if err == nil {
			return display.Languages(tag).Name(of)
		}
	case "space", "theme":
		if r.Has(filter + "." + code) {
			return r.T(filter + "." + code)
		}
	}
	return ""
}

// Country is one that people choose from.
type Country struct {
	Code string // ISO 3166-1 alpha-2
	Name string
}

// Countries lists all countries that there are today, by their names as this reader sorts them.
func (r *Reader) Countries() []Country {
	tag := language.Make(r.Tag)
	names := display.Regions(tag)
	var out []Country
	reserved := "AC CP CQ DG EA EU EZ IC QO TA UN XA XB" // codes for what is no country [ISO 3166-1, reserved]
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			region, err := language.ParseRegion(code)
			name := names.Name(region) // places that are none any more have none
			if err == nil && name != "" && !strings.Contains(reserved, code) && region.IsCountry() &&
				region.Canonicalize() == region && region.String() == code {
				out = append(out, Country{region.String(), name})
			}
		}
	}
	c := collate.New(tag)
	slices.SortFunc(out, func(x, y Country) int { return c.CompareString(x.Name, y.Name) })
	return out
}

// List joins words as a sentence does.
func (r *Reader) List(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return r.T("list.last", "Rest", strings.Join(items[:last], r.T("list.comma")), "Last", items[last])
}

// Any joins words of which any will do.
func (r *Reader) Any(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return r.T("list.any", "Rest", strings.Join(items[:last], r.T("list.comma")), "Last", items[last])
}

// code names a code of rules: a purpose, a country or region, or what has a message of its kind; else the code.
func (r *Reader) code(of, code string) string {
	switch {
	case of == "purpose":
		return r.Purpose(code)
	case r.Has(of + "." + code):
		return r.T(of + "." + code)
	}
	return cmp.Or(r.Label(of, code), code)
}

// IDs lists the messages of a language.
func IDs(tag string) ([]string, error) {
	all, err := messages(text, tag)
	return slices.Sorted(maps.Keys(all)), err
}

// messages are those of all files of a language, as they are written. Each is in one file.
func messages(text fs.FS, tag string) (map[string]any, error) {
	files, err := fs.Glob(text, "text/"+tag+"/*.json")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there are no words in %q: %w", tag, cmp.Or(err, fs.ErrNotExist))
	}
	out := map[string]any{}
	for _, f := range files {
		b, err := fs.ReadFile(text, f)
		if err != nil {
			return nil, fmt.Errorf("read the words of the pages: %w", err)
		}
		var part map[string]any
		err = json.Unmarshal(b, &part)
		if err != nil {
			return nil, fmt.Errorf("read the words of the pages in %s: %w", f, err)
		}
		for id, said := range part {
			if _, twice := out[id]; twice {
				return nil, fmt.Errorf("%q is said twice in %s", id, tag)
			}
			out[id] = said
		}
	}
	return out, nil
}
