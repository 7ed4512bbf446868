package page

import (
	"bytes"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"guichet/gateway/web/words"
	"guichet/policy/agreement"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// set is the pages in one language, by the names of their files.
type set map[string]*template.Template

// parse reads the templates for a reader: each page with the frame and parts that it may use.
func parse(r *words.Reader, parts []Part) (set, error) {
	shared := template.New("").Funcs(functions(r)).Option("missingkey=error")
	shared, err := shared.ParseFS(templates, "templates/_*.html")
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	out := set{}
	err = out.read(shared, templates)
	for _, p := range parts {
		if err == nil {
			err = out.read(shared, p.Templates)
		}
	}
	return out, err
}

// read adds the pages of a folder, each with what is shared by the site and by the folder.
func (s set) read(shared *template.Template, files fs.FS) error {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return fmt.Errorf("find the templates: %w", err)
	}
	own, err := fs.Glob(files, "templates/_*.html")
	if err != nil {
		return fmt.Errorf("find the templates: %w", err)
	}
	for _, f := range names {
		name := strings.TrimSuffix(path.Base(f), ".html")
		switch {
		case strings.HasPrefix(name, "_"):
			continue
		case s[name] != nil:
			return fmt.Errorf("two pages are called %s", name)
		}
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(files, append(slices.Clone(own), f)...)
		}
		if err != nil {
			return fmt.Errorf("read the template %s: %w", name, err)
		}
		s[name] = t
	}
	return nil
}

// problemType begins the type of a problem, before its kind.
const problemType = "urn:guichet:problem:"

// functions are what templates can say.
func functions(r *words.Reader) template.FuncMap {
	return template.FuncMap{
		"t":         r.T,
		"reader":    func() *words.Reader { return r },
		"number":    r.Number,
		"size":      r.Size,
		"date":      r.Date,
		"last":      r.Last,
		"moment":    r.Moment,
		"iso":       func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"wait":      r.Wait,
		"list":      r.List,
		"words":     func(t schemas.Text) Said { return In(t, r.Tag) },
		"said":      func(english string, most ...int) template.HTML { return said(r, english, most...) },
		"cut":       Cut,
		"short":     Short,
		"found":     found,
		"duty":      func(d schemas.Duty) string { return duty(r, &d) },
		"purpose":   r.Purpose,
		"label":     r.Label,
		"countries": sync.OnceValue(r.Countries),
		"type":      plainType,
		"digest":    agreement.TermsDigest,
		"rules":     func(o *schemas.Offer) []ruleShown { return rules(r, o) },
		"named":     func(kind string, id any) string { return Named(r, kind, fmt.Sprint(id)) },
		"args":      args,
		"area":      area,
		"once":      rand.Text,
		"kind":      func(typ string) string { return strings.TrimPrefix(typ, problemType) },
		"first":     func(n int, list []string) []string { return list[:min(n, len(list))] },
		"has":       func(numbers map[string]int64, name string) bool { _, is := numbers[name]; return is },
		"seconds":   func(n int64) time.Time { return time.Unix(n, 0) },
		"minus":     func(n int64) int64 { return -n },
		"deref":     func(n *int64) int64 { return *n },
		"sorts":     func() []string { return []string{"", "modified", "title", "size", "quality"} },
		"states":    func() []string { return []string{"", "pending", "granted", "refused", "withdrawn"} },
		"paragraphs": func(s string) []string {
			return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
		},
		"lower": strings.ToLower,
		"join":  strings.Join,
		"isWeb": func(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") },
	}
}

// Said is a text in the language that fits its reader best.
type Said struct {
	Lang       string // BCP 47; "" where it is the page's, or not said
	Words      string
	Translated bool // by a machine
}

// In picks the words for a reader: hers, else English, else the first.
func In(t schemas.Text, reader string) Said {
	tag := t.For(reader)
	if first, _, _ := strings.Cut(strings.ToLower(tag), "-"); first != reader {
		tag = t.For("en")
	}
	s := Said{Words: strings.TrimSpace(t[tag]), Translated: schemas.Translated(tag)}
	if !strings.EqualFold(tag, reader) {
		s.Lang = tag
	}
	if strings.TrimFunc(s.Words, func(r rune) bool { return breaks(r) || unicode.IsSpace(r) }) == "" {
		s.Words = schemas.Visible(s.Words) // of a link nothing would be left
	}
	return s
}

// said writes what a rule or the API says in the reader's language, cut after so many characters; in English, and
// marked as that, where nobody has translated it.
func said(r *words.Reader, english string, most ...int) template.HTML {
	words, lang := r.Said(english)
	for _, n := range most {
		words = Cut(n, words)
	}
	words = template.HTMLEscapeString(words)
	if lang != "" {
		words = `<span lang="` + lang + `">` + words + `</span>`
	}
	return template.HTML(words) // escaped above
}

// Cut shortens a text to about n characters, at a space.
func Cut(n int, s string) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	short := string([]rune(s)[:n])
	if i := strings.LastIndexFunc(short, unicode.IsSpace); i > n/2 {
		short = short[:i]
	}
	return short + "…"
}

// Short shortens an id in its middle.
func Short(id any) string {
	s := []rune(fmt.Sprint(id))
	if len(s) <= 24 {
		return string(s)
	}
	return string(s[:14]) + "…" + string(s[len(s)-7:])
}

// run is a part of a text, found or not.
type run struct {
	Text  string
	Found bool
}

// place is where in a dataset words were found.
type place struct {
	Field string // "" for texts that need no name
	Words []run
}

// found lays out highlights, which mark with **: not those of titles, which stand above them.
func found(highlight map[string]string) []place {
	var out []place
	for _, key := range slices.Sorted(maps.Keys(highlight)) {
		field, _, _ := strings.Cut(key, "@") // the language follows
		if field == "title" {
			continue
		}
		p := place{Field: field}
		if field == "description" {
			p.Field = ""
		}
		for i, part := range strings.Split(highlight[key], "**") {
			if part != "" {
				p.Words = append(p.Words, run{part, i%2 == 1})
			}
		}
		out = append(out, p)
	}
	return out
}

// plainType is a column's type as people say it: how its values are kept is for machines.
func plainType(arrow string) string {
	inner, is := strings.CutPrefix(arrow, "dictionary<values=")
	if !is {
		return arrow
	}
	values, _, _ := strings.Cut(inner, ",")
	return values
}

// Named gives the label of a code in the words of the pages, else the code.
func Named(r *words.Reader, kind, id string) string {
	if r.Has(kind + id) {
		return r.T(kind + id)
	}
	return id
}

// args makes one argument of several, for parts: names and values.
func args(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("args needs names and values")
	}
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("args: %v is no name", pairs[i])
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}

// harmless writes by its code whatever in a page shows nothing, moves the cursor or turns the
// direction of what follows: our own words hold none of it. What only says where a word may
// break is left out.
func harmless(page []byte) []byte {
	if !bytes.ContainsFunc(page, Hidden) {
		return page
	}
	var b bytes.Buffer
	for _, r := range string(page) {
		switch {
		case breaks(r):
		case Hidden(r):
			fmt.Fprintf(&b, "\\u{%X}", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

// written is a character as harmless writes it.
var written = regexp.MustCompile(`\\u\{[0-9A-F]{1,6}\}`)

// retyped takes back in what a form sent what harmless made of the text in its fields: else a form that is only
// sent again would write codes in the place of joiners that Persian words and emoji are made with.
func retyped(form url.Values) {
	for _, values := range form {
		for i, s := range values {
			values[i] = written.ReplaceAllStringFunc(s, func(code string) string {
				r, err := strconv.ParseUint(code[len(`\u{`):len(code)-1], 16, 32)
				if err != nil || !utf8.ValidRune(rune(r)) || !Hidden(rune(r)) || breaks(rune(r)) {
					return code
				}
				return string(rune(r))
			})
		}
	}
}

// breaks says whether a character only says where a word may break.
func breaks(r rune) bool { return r == '\u00ad' || r == '\u200b' || r == '\ufeff' }

// Hidden says whether a character shows nothing, or moves others; ends of lines and tabs are
// white space in HTML.
func Hidden(r rune) bool {
	return r != '\n' && r != '\t' && r != '\r' &&
		(unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) || r == utf8.RuneError)
}
