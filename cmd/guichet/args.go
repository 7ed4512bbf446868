package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"guichet/schemas"
)

// misused says what is wrong with a command line, and where the verb's own help is.
func misused(err error) *schemas.Error {
	out := &schemas.Error{Kind: schemas.Invalid, Subject: "usage", Message: err.Error(), Remedy: "guichet --help shows what there is"}
	parse, ok := errors.AsType[*kong.ParseError](err)
	if ok && parse.Context != nil {
		verb := []string{}
		for _, p := range parse.Context.Path {
			if p.Command != nil {
				verb = append(verb, p.Command.Name)
			}
		}
		if len(verb) > 0 {
			out.Remedy = fmt.Sprintf("guichet %s --help shows what it takes", strings.Join(verb, " "))
		}
	}
	if strings.Contains(out.Message, "but got \"-") {
		out.Message, _, _ = strings.Cut(out.Message, " (") // kong's guess what it is
		out.Message += ": a value that begins with - is written with =, like --from=-1"
	}
	return out
}

// elsewhere says of an id that was not found as one thing what it is the id of: people mix
// up datasets and agreements.
func elsewhere(message, subject string) string {
	for _, noun := range []struct{ prefix, name, where string }{
		{"ds-", "dataset", "guichet show %[1]s, its agreements: guichet agreements --dataset %[1]s"},
		{"agr-", "agreement", "guichet agreements %[1]s names its dataset"},
		{"req-", "request", "guichet requests %[1]s"},
		{"run-", "run", "guichet run show %[1]s"},
		{"rel-", "release", "guichet streams --state all"},
		{"lease-", "lease", "guichet lease gives another one"},
		{schemas.JobKeyPrefix, "job key", "guichet job-key lists them"},
		{schemas.CopyPrefix, "staged copy", "guichet copies lists them"},
	} {
		said := strings.Contains(message, noun.name+" "+subject) || strings.Contains(message, noun.name+` "`+subject)
		if strings.HasPrefix(subject, noun.prefix) && !strings.Contains(subject, "/") && !said {
			article := "a"
			if strings.ContainsRune("aeio", rune(noun.name[0])) {
				article = "an"
			}
			return fmt.Sprintf("%s is the id of %s %s: "+noun.where, subject, article, noun.name)
		}
	}
	return ""
}

// why is a reason that somebody gives; it stands in the record.
type why string

// Validate is for kong.
func (w why) Validate() error {
	if len(strings.TrimSpace(string(w))) < 3 {
		return errors.New("say why, in three letters or more: it stands in the record")
	}
	return nil
}

// some is a list of names that is left out, or holds at least one.
type some string

// Validate is for kong, which asks when it was given.
func (s some) Validate() error {
	if strings.Trim(string(s), ", ") == "" {
		return errors.New("name at least one, or leave the flag out")
	}
	return nil
}

// moment is an instant of the command line: RFC 3339, or a day, which is its first
// instant in UTC, the zone of the record.
type moment struct{ time.Time }

// UnmarshalText is for kong.
func (m *moment) UnmarshalText(b []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		ts, err := time.Parse(layout, string(b))
		if err == nil {
			m.Time = ts
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; write 2026-11-25 or 2026-11-25T08:00:00Z", b)
}

// query is the instant as the API takes it; "" where none was given.
func (m moment) query() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// lastDay is an instant until which something lasts; a day lasts to its end.
type lastDay struct{ moment }

// UnmarshalText is for kong.
func (m *lastDay) UnmarshalText(b []byte) error {
	err := m.moment.UnmarshalText(b)
	if err == nil && len(b) == len(time.DateOnly) {
		m.Time = m.AddDate(0, 0, 1)
	}
	return err
}
