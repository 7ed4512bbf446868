package shacl

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// check is one constraint of a shape. values are those that the shape's path leads to.
type check interface {
	check(r *run, s *shape, focus term, values []term) []Finding
}

// each checks the values one by one; failed says why a value fails, "" where it does not.
func each(r *run, s *shape, focus term, values []term, component string, failed func(term) string) []Finding {
	var out []Finding
	for _, v := range values {
		if !r.step() || len(out) > r.Limits.Findings {
			r.cut = true
			break
		}
		if why := failed(v); why != "" {
			out = append(out, r.finding(s, focus, component, v, why))
		}
	}
	return out
}

// count is minCount, maxCount, minLength or maxLength.
type count struct {
	name string
	n    int
}

func (c count) check(r *run, s *shape, focus term, values []term) []Finding {
	n := len(values)
	switch {
	case c.name == "minCount" && n == 0 && c.n > 0:
		return []Finding{r.finding(s, focus, c.name, term{}, "is missing"+s.wanted())}
	case c.name == "minCount" && n < c.n:
		return []Finding{r.finding(s, focus, c.name, term{}, fmt.Sprintf("has %s, at least %d are wanted", number(n), c.n))}
	case c.name == "maxCount" && n > c.n && c.n == 0:
		return []Finding{r.finding(s, focus, c.name, term{}, "is said, which may not be")}
	case c.name == "maxCount" && n > c.n:
		return []Finding{r.finding(s, focus, c.name, term{}, fmt.Sprintf("has %s, at most %d", number(n), c.n))}
	case c.name == "minCount" || c.name == "maxCount":
		return nil
	}
	return each(r, s, focus, values, c.name, func(v term) string {
		length := utf8.RuneCountInString(v.value)
		switch {
		case v.kind == isBlank:
			return "is a node without an IRI, which has no length"
		case c.name == "minLength" && length < c.n:
			return fmt.Sprintf("is %s, shorter than %d characters", quoted(v), c.n)
		case c.name == "maxLength" && length > c.n:
			return fmt.Sprintf("is %s, longer than %d characters", quoted(v), c.n)
		}
		return ""
	})
}

func number(n int) string {
	if n == 1 {
		return "1 value"
	}
	return strconv.Itoa(n) + " values"
}

// nodeKind is one of SHACL's six.
type nodeKind struct{ is string }

func (c nodeKind) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, "nodeKind", func(v term) string {
		name := map[kind]string{isIRI: "IRI", isBlank: "BlankNode", isLiteral: "Literal"}[v.kind]
		if strings.Contains("Or"+c.is+"Or", "Or"+name+"Or") {
			return ""
		}
		return fmt.Sprintf("is %s; %s is wanted", what(v), kinds()[c.is])
	})
}

// kinds are the kinds of nodes in words.
func kinds() map[string]string {
	return map[string]string{
		"IRI": "an IRI", "BlankNode": "a node without an IRI", "Literal": "a text, number or date",
		"BlankNodeOrIRI":     "an IRI, or a description in place",
		"BlankNodeOrLiteral": "a text, or a node without an IRI", "IRIOrLiteral": "an IRI or a text",
	}
}

// datatype is that of a literal, whose text must be of it.
type datatype struct{ iri string }

func (c datatype) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, "datatype", func(v term) string {
		switch {
		case v.kind != isLiteral:
			return fmt.Sprintf("is %s; a value of %s is wanted", what(v), compact(c.iri))
		case v.datatype != c.iri:
			return fmt.Sprintf("is %s of the type %s; %s is wanted", quoted(v), compact(v.datatype), compact(c.iri))
		case !lexical(v):
			return fmt.Sprintf("is %s, which is no %s", quoted(v), compact(c.iri))
		}
		return ""
	})
}

var (
	integers  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimals  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`)
	zone      = regexp.MustCompile(`(Z|[+-][0-9]{2}:[0-9]{2})$`)
	durations = regexp.MustCompile(`^-?P([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$`)
)

// lexical says whether a literal's text is of its type. Types that are not known here hold.
func lexical(v term) bool {
	text, name := v.value, strings.TrimPrefix(v.datatype, nsXSD)
	day := func(layout string) bool {
		_, err := time.Parse(layout, zone.ReplaceAllString(text, ""))
		return err == nil
	}
	switch name {
	case "boolean":
		return slices.Contains([]string{"true", "false", "1", "0"}, text)
	case "integer", "int", "long", "short", "byte":
		return integers.MatchString(text)
	case "nonNegativeInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte":
		return integers.MatchString(text) && (text[0] != '-' || strings.Trim(text, "-0") == "")
	case "positiveInteger":
		return integers.MatchString(text) && text[0] != '-' && strings.Trim(text, "+0") != ""
	case "decimal":
		return decimals.MatchString(text)
	case "double", "float":
		_, err := strconv.ParseFloat(text, 64)
		return err == nil || strings.HasPrefix(strings.TrimPrefix(text, "-"), "INF")
	case "date":
		return day(time.DateOnly)
	case "dateTime":
		return day("2006-01-02T15:04:05")
	case "gYear":
		return day("2006")
	case "gYearMonth":
		return day("2006-01")
	case "duration":
		return durations.MatchString(text) && !strings.HasSuffix(text, "P") && !strings.HasSuffix(text, "T")
	}
	return true
}

// class is one that a node is said to be of, or a class below it.
type class struct{ iri string }

func (c class) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, "class", func(v term) string {
		if v.kind == isLiteral {
			return fmt.Sprintf("is %s; %s is wanted", what(v), a(compact(c.iri)))
		}
		if r.is(v, c.iri) {
			return ""
		}
		return fmt.Sprintf("is %s, which is not said to be %s (rdf:type)", what(v), a(compact(c.iri)))
	})
}

// is says whether a node is said to be of a class.
func (r *run) is(v term, class string) bool {
	for _, t := range r.said(v, nsRDF+"type") {
		above, seen := []term{t}, map[term]bool{t: true}
		for i := 0; i < len(above) && r.step(); i++ {
			if above[i].value == class {
				return true
			}
			for _, more := range r.said(above[i], nsRDFS+"subClassOf") {
				if !seen[more] {
					seen[more] = true
					above = append(above, more)
				}
			}
		}
	}
	return false
}

// hasValue is a value that is among the others.
type hasValue struct{ value term }

func (c hasValue) check(r *run, s *shape, focus term, values []term) []Finding {
	if slices.Contains(values, c.value) {
		return nil
	}
	if s.path != nil && s.path.property == nsSkos+"inScheme" {
		return []Finding{r.finding(s, focus, "hasValue", term{}, fmt.Sprintf("is not of the vocabulary %s", c.value.value))}
	}
	return []Finding{r.finding(s, focus, "hasValue", term{}, fmt.Sprintf("is not %s", quoted(c.value)))}
}

// in is a closed list.
type in struct{ list []term }

func (c in) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, "in", func(v term) string {
		if slices.Contains(c.list, v) {
			return ""
		}
		var names []string
		for _, t := range c.list[:min(len(c.list), 8)] {
			names = append(names, quoted(t))
		}
		return fmt.Sprintf("is %s, none of %s", quoted(v), strings.Join(names, ", "))
	})
}

// languageIn is the languages that a text may be in.
type languageIn struct{ tags []string }

func (c languageIn) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, "languageIn", func(v term) string {
		for _, tag := range c.tags {
			if v.language == tag || strings.HasPrefix(v.language, tag+"-") {
				return ""
			}
		}
		if v.language == "" {
			return fmt.Sprintf("is %s without its language; a language tag is wanted, such as en", quoted(v))
		}
		return fmt.Sprintf("is %s in %q, none of the languages %s", quoted(v), v.language, strings.Join(c.tags, " "))
	})
}

// uniqueLang wants each language once.
type uniqueLang struct{ on bool }

func (c uniqueLang) check(r *run, s *shape, focus term, values []term) []Finding {
	var out []Finding
	seen := map[string]int{}
	for _, v := range values {
		seen[v.language]++
		if c.on && v.language != "" && seen[v.language] == 2 {
			out = append(out, r.finding(s, focus, "uniqueLang", term{}, fmt.Sprintf("has several values in %q; one for each language", v.language)))
		}
	}
	return out
}

// pattern is a regular expression.
type pattern struct {
	re   *regexp.Regexp
	said string
}

func (c pattern) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, "pattern", func(v term) string {
		if v.kind != isBlank && c.re.MatchString(v.value) {
			return ""
		}
		return fmt.Sprintf("is %s, which is not of the form %s", what(v), c.said)
	})
}

// limit is a bound of numbers and days.
type limit struct {
	name  string
	value term
}

func (c limit) check(r *run, s *shape, focus term, values []term) []Finding {
	words := map[string]string{"minInclusive": "below", "maxInclusive": "above", "minExclusive": "not above", "maxExclusive": "not below"}
	return each(r, s, focus, values, c.name, func(v term) string {
		order, ok := compare(v, c.value)
		held := map[string]bool{"minInclusive": order >= 0, "maxInclusive": order <= 0, "minExclusive": order > 0, "maxExclusive": order < 0}
		if ok && held[c.name] {
			return ""
		}
		return fmt.Sprintf("is %s, %s %s", what(v), words[c.name], c.value.value)
	})
}

// compare compares numbers, and days as their texts.
func compare(a, b term) (int, bool) {
	x, err := strconv.ParseFloat(a.value, 64)
	y, wrong := strconv.ParseFloat(b.value, 64)
	switch {
	case a.kind != isLiteral:
		return 0, false
	case err == nil && wrong == nil:
		return int(min(max((x-y)*1e18, -1), 1)), true
	}
	return strings.Compare(a.value, b.value), a.datatype == b.datatype
}

// closed is a shape that knows all properties that a node may have.
type closed struct{ known map[string]bool }

func (c closed) check(r *run, s *shape, _ term, values []term) []Finding {
	var out []Finding
	for _, v := range values {
		for _, property := range sorted(r.g.said[v.value]) {
			if !c.known[property] {
				out = append(out, r.finding(s, v, "closed", term{}, fmt.Sprintf("says %s, which is not known there", compact(property))))
			}
		}
	}
	return out
}

// qualified counts the values that a shape holds for.
type qualified struct {
	shape       *shape
	least, most int
}

func (c qualified) check(r *run, s *shape, focus term, values []term) []Finding {
	n := 0
	for _, v := range values {
		if len(r.inside(c.shape, v)) == 0 {
			n++
		}
	}
	switch {
	case n < c.least:
		why := fmt.Sprintf("has %s of the kind wanted, at least %d", number(n), c.least)
		return []Finding{r.finding(s, focus, "qualifiedMinCount", term{}, why)}
	case c.most >= 0 && n > c.most:
		why := fmt.Sprintf("has %s of the kind wanted, at most %d", number(n), c.most)
		return []Finding{r.finding(s, focus, "qualifiedMaxCount", term{}, why)}
	}
	return nil
}

// nested is a constraint of shapes: node, not, and, or, xone.
type nested struct {
	name   string
	shapes []*shape
}

func (c nested) check(r *run, s *shape, focus term, values []term) []Finding {
	return each(r, s, focus, values, c.name, func(v term) string {
		held := 0
		var why []string
		for _, sh := range c.shapes {
			found := r.inside(sh, v)
			if len(found) == 0 {
				held++
				continue
			}
			why = append(why, r.because(sh, v, found))
		}
		switch {
		case c.name == "not" && held > 0:
			return "is what it may not be"
		case c.name == "not", c.name != "xone" && held == len(c.shapes), c.name == "or" && held > 0, c.name == "xone" && held == 1:
			return ""
		case c.name == "xone" && held > 1:
			return "is of several kinds of which it may be one"
		}
		join := "; "
		if c.name == "or" || c.name == "xone" {
			join = "; or "
		}
		return ": " + strings.Join(why, join)
	})
}
