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
