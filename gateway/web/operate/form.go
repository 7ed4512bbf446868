package operate

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// Kinds of fields.
const (
	line   = "line"
	area   = "area"
	pick   = "pick"  // one of several
	boxes  = "boxes" // any of several
	box    = "box"   // yes or no
	day    = "day"
	count  = "count" // a number, not below 0
	hidden = "hidden"
	fixed  = "fixed" // shown, and sent as it is
)

// option is one choice.
type option struct {
	Value, Text string
	Taken       bool
}

// field is one of a form.
type field struct {
	Name     string // of what is sent, and the pointer by which the API says what is wrong with it
	Kind     string
	Value    string
	Options  []option
	Required bool

	ID, Label, Help, Wrong string // made by newForm and blame
}

// form is one that writes. What was typed stays in it when the API refuses it.
type form struct {
	To, Title, Send string
	Key             string // with which it is answered once
	Fields          []field
	Stop            bool // what it does takes away
	Fault           *schemas.Error
}

// newForm makes a form in the words of its reader. The name of its fields is found under opfield, what helps with
// one under ophelp; an id sets them apart from those of other forms of the page.
func newForm(v *page.Visit, id, to, title, send string, fields ...field) form {
	for i := range fields {
		f := &fields[i]
		f.ID = id + "-" + strings.NewReplacer("/", "-", "_", "-").Replace(f.Name)
		name := strings.NewReplacer("/", "", "_", "").Replace(f.Name)
		f.Label = page.Named(v.Reader, "opfield.", name)
		if v.Reader.Has("ophelp." + name) {
			f.Help = v.Reader.T("ophelp." + name)
		}
	}
	return form{To: to, Title: v.Reader.T(title), Send: v.Reader.T(send), Key: rand.Text(), Fields: fields}
}

// typed puts what was sent into the fields. The key is a new one: under the old one the API keeps its no.
func (f *form) typed(sent url.Values) {
	for i := range f.Fields {
		x := &f.Fields[i]
		x.Value = sent.Get(x.Name)
		for k := range x.Options {
			x.Options[k].Taken = slices.Contains(sent[x.Name], x.Options[k].Value)
		}
	}
}

// blame says at the fields what is wrong with them; what is with none of them is said of the form. The API names
// fields as pointers into its body (/members/1/roles), or as huma does (body.every_hours): both begin with the name
// of one here.
func (f *form) blame(e *schemas.Error) {
	said := len(e.Fields) > 0
	for _, wrong := range e.Fields {
		at := strings.TrimPrefix(strings.TrimPrefix(wrong.Pointer, "/body"), "/")
		at = strings.ReplaceAll(strings.TrimPrefix(at, "body."), ".", "/")
		i := slices.IndexFunc(f.Fields, func(x field) bool {
			return x.Kind != hidden && (at == x.Name || strings.HasPrefix(at, x.Name+"/") || strings.HasPrefix(at, x.Name+"["))
		})
		if i < 0 {
			said = false
			continue
		}
		f.Fields[i].Wrong = strings.TrimSpace(f.Fields[i].Wrong + " " + wrong.Message)
	}
	if !said {
		f.Fault = e
	}
}

// typing is what is wrong with what was typed, before anybody is asked.
func typing(at, format string, args ...any) error {
	return schemas.BadField("form", "/"+at, format, args...)
}

// lines are the lines of a text that are not empty.
func lines(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// dayOf reads a day, in UTC; the moment is its beginning, or with last its end, which is the beginning of the next
// one. "" is no day, and the zero time. Errors: Invalid.
func dayOf(sent url.Values, name string, last bool) (time.Time, error) {
	s := strings.TrimSpace(sent.Get(name))
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1900 || t.Year() > 9998 {
		return time.Time{}, typing(name, "%.40q is no day: write it like 2027-06-30", s)
	}
	if last {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// shownDay is a moment as a field of a day has it.
func shownDay(t time.Time, last bool) string {
	if t.IsZero() {
		return ""
	}
	if last { // midnight is the end of the day before
		t = t.Add(-time.Nanosecond)
	}
	return t.UTC().Format(time.DateOnly)
}

// numberOf reads a whole number; "" is 0. What is too small or too large for its field, the API says. Errors: Invalid.
func numberOf(sent url.Values, name string) (int64, error) {
	s := strings.TrimSpace(sent.Get(name))
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, typing(name, "%.40q is no whole number", s)
	}
	return n, nil
}

// shownNumber is a number as a field has it.
func shownNumber(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// choices lays out values, with those that are taken.
func choices[T ~string](all []T, say func(T) string, taken ...T) []option {
	out := make([]option, len(all))
	for i, x := range all {
		out[i] = option{string(x), say(x), slices.Contains(taken, x)}
	}
	return out
}

// none is the choice of nothing, before others.
func none(say string, of []option) []option { return append([]option{{Text: say}}, of...) }

// as makes names of what was sent, without empty ones.
func as[T ~string](sent []string) []T {
	var out []T
	for _, s := range sent {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, T(s))
		}
	}
	return out
}

// texts are names as texts.
func texts[T ~string](of []T) []string {
	out := make([]string, len(of))
	for i, x := range of {
		out[i] = string(x)
	}
	return out
}

// asked gives an error that a form can show: of what was typed, or of what is there meanwhile, or a refusal that is
// not one of roles. Nil: the error is another page's to tell.
func asked(err error) *schemas.Error {
	switch schemas.KindOf(err) {
	case schemas.Conflict, schemas.Precondition, schemas.Busy, schemas.Gone:
		e, _ := err.(*schemas.Error) //nolint:errorlint // the client's, which wraps none
		return e
	case schemas.Denied: // but for who may not come here at all
		e, _ := err.(*schemas.Error) //nolint:errorlint // as above
		if e == nil || len(e.Reasons) == 0 || strings.HasPrefix(e.Reasons[0].Rule, "role.") {
			return nil
		}
		return e
	}
	return page.Asked(err)
}

// send posts a noun once, with the revision that it is changed at.
func send(v *page.Visit, path string, in, out any) error {
	f := v.R.PostForm
	var more []client.Option
	if n, err := strconv.ParseInt(f.Get("revision"), 10, 64); err == nil && n > 0 {
		more = append(more, client.IfMatch(n))
	}
	return v.Once(path, cmp.Or(f.Get("key"), rand.Text()), in, out, more...)
}

// done leads back to a page, which says of what something was done.
func done(v *page.Visit, path, id string) error {
	http.Redirect(v.W, v.R, page.At(path, url.Values{"done": {id}}), http.StatusSeeOther)
	return nil
}

// at is an address of the API, or of a page, with an id in it.
func at(format string, ids ...string) string {
	escaped := make([]any, len(ids))
	for i, id := range ids {
		escaped[i] = url.PathEscape(id)
	}
	return fmt.Sprintf(format, escaped...)
}
