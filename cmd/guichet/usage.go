package main

import (
	"errors"
	"fmt"
	"strings"

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
	} {
		if strings.HasPrefix(subject, noun.prefix) && !strings.Contains(subject, "/") && !strings.Contains(message, noun.name+" "+subject) {
			return fmt.Sprintf("%s is the id of a %s: "+noun.where, subject, noun.name)
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
