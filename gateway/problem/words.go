package problem

import (
	"regexp"
	"strings"

	"guichet/schemas"
)

// said are huma's findings as people say them: what to write instead. What stands in
// parentheses goes to where it says $1.
var said = []struct {
	huma  *regexp.Regexp
	words string
}{
	{regexp.MustCompile(`^expected required property (.*) to be present$`), "$1 is missing"},
	{regexp.MustCompile(`^expected property (.*) to be present when (.*) is present$`), "$1 is missing, which $2 needs"},
	{regexp.MustCompile(`^expected value to be one of ",? ?(.*)"$`), "use one of $1"},
	{regexp.MustCompile(`^unexpected property$`), "this member is not known here"},
	{regexp.MustCompile(`^expected array$`), "this is a list: write it like [a, b], also with one value"},
	{regexp.MustCompile(`^expected object$`), "this has members: write it like {name: value}"},
	{regexp.MustCompile(`^expected string$`), "this is a text: write it in quotes"},
	{regexp.MustCompile(`^expected boolean$`), "write true or false"},
	{regexp.MustCompile(`^expected number$`), "write a number"},
	{regexp.MustCompile(`^expected integer$`), "write a whole number"},
	{regexp.MustCompile(`^expected length >= 1$`), "this must not be empty"},
	{regexp.MustCompile(`^expected length >= (\d+)$`), "this has at least $1 characters"},
	{regexp.MustCompile(`^expected length <= (\d+)$`), "this has at most $1 characters"},
	{regexp.MustCompile(`^expected number >= (.*)$`), "write a number of at least $1"},
	{regexp.MustCompile(`^expected number <= (.*)$`), "write a number of at most $1"},
	{regexp.MustCompile(`^expected array length >= 1$`), "this list must not be empty"},
	{regexp.MustCompile(`^expected array length >= (\d+)$`), "this list has at least $1 values"},
	{regexp.MustCompile(`^expected array length <= (\d+)$`), "this list has at most $1 values"},
	{regexp.MustCompile(`^expected array items to be unique$`), "each value stands once in this list"},
	{
		regexp.MustCompile(`^expected string to be RFC 3339 date-time$|^invalid date/time for format .*$`),
		"write an instant with its zone, like 2026-11-25T08:00:00Z",
	},
	{regexp.MustCompile(`^expected string to be base64 encoded$`), "write this as base64"},
	{regexp.MustCompile(`^invalid integer$`), "write a whole number"},
	{regexp.MustCompile(`^invalid boolean$`), "write true or false"},
}

// InWords says huma's findings as people do; the command line says the same of its files.
func InWords(message string) string {
	pattern, ok := strings.CutPrefix(message, "expected string to match pattern ")
	if ok {
		words, ok := schemas.PatternInWords(pattern)
		if ok {
			return words
		}
	}
	for _, s := range said {
		at := s.huma.FindStringSubmatchIndex(message)
		if at != nil {
			return string(s.huma.ExpandString(nil, s.words, message, at))
		}
	}
	return message
}

// InOneText is a whole problem in one text, for doors whose errors have no other place.
func InOneText(p *schemas.Problem) string {
	var b strings.Builder
	b.WriteString(p.Detail)
	for _, f := range p.Errors {
		if !strings.Contains(p.Detail, f.Message) {
			b.WriteString("; " + f.Pointer + ": " + f.Message)
		}
	}
	for _, r := range p.Reasons {
		if r.Text != p.Detail {
			b.WriteString("; " + r.Text)
		}
		if r.Rule != "" {
			b.WriteString(" (rule " + r.Rule + ", from " + r.Source + ")")
		}
	}
	if p.Remedy != "" {
		b.WriteString(". What helps: " + p.Remedy)
	}
	if p.Instance != "" {
		b.WriteString(" [" + p.Instance + "]")
	}
	return b.String()
}
