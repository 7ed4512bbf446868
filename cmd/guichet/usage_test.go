package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Wrong words on a command line are answered with what to write instead.
func TestWrongWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Wheat", csvRows(3, 0))
	id := g.granted(d.ID)[0]
	run := g.home("trainer")
	for want, args := range map[string][]string{
		"guichet agreements --dataset " + string(d.ID):      {"stream", string(d.ID), "--out", "x"},
		"guichet agreements " + string(id):                  {"show", string(id)},
		"guichet stream --help":                             {"stream"},
		"guichet run output --help":                         {"run", "output", "run-x"},
		"written with =, like --from=-1":                    {"stream", string(id), "--from", "-1"},
		"from 0 on":                                         {"stream", string(id), "--from=-1", "--out", "x"},
		"name at least one, or leave the flag out":          {"stream", string(id), "--columns", "", "--out", "x"},
		"say why, in three letters or more":                 {"revoke", string(id), "--reason", "x"},
		"the folder " + filepath.Join(dir, "gone") + " for": {"stream", string(id), "--out", filepath.Join(dir, "gone", "x")},
		"this is a list: write it like [a, b]":              {"project", "add", written(t, dir, "p.json", `{"id": "p", "title": "P", "factory": "leonardo", "purposes": "train-model"}`)},
	} {
		out, err := run(args...)
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, ".part") {
			t.Errorf("%v says nothing of %q: %v\n%s", args, want, err, out)
		}
	}
	if got := elsewhere("there is no dataset ds-x", "ds-x"); got != "" {
		t.Errorf("of a dataset that is not there: %q", got)
	}
}
