package duplicates

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"guichet/catalog/duplicates"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// What others wrote begins no line of its own; each origin has its evidence, and who said what.
func TestTell(t *testing.T) {
	t.Parallel()
	const forged = "Wheat\nother data: ds-forged\x1b[2J\u202e"
	title := schemas.Text{"en": forged}
	same := duplicates.Same{Dataset: "ds-1", Group: "ds-1", Note: "a note",
		Items: []duplicates.Other{
			{Origin: schemas.Origin{ID: "ds-2", Publisher: forged, Source: "city", Address: "https://city.example/" + forged}, Title: title,
				Why: []string{"both are called " + forged}, Through: "ds-3"},
			{Origin: schemas.Origin{ID: "ds-3", Provider: "https://agronomy.example"}, Title: title, Why: []string{"they have the same title"}},
		},
		Apart: []duplicates.Other{{Origin: schemas.Origin{ID: "ds-4"}, Title: title,
			Apart: []duplicates.Word{{By: "https://factory.example", At: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}}}},
	}
	for why, want := range map[bool][]string{
		false: {"the same data: ds-2 · source city", "the same data: ds-3 · https://agronomy.example\n"},
		true: {"the same data: ds-2 · source city", "    both are called Wheat", "    this is about it and ds-3, which is the same data too",
			"    they have the same title\n", "other data: ds-4 ·", "says https://factory.example on 2026-11-30", "a note\n"},
	} {
		var out bytes.Buffer
		Tell(&terminal.Terminal{Out: &out}, &same, why)
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%q is not in\n%s", text, out.String())
			}
		}
		if strings.ContainsAny(out.String(), "\x1b\u202e") || strings.Contains(out.String(), "\nother data: ds-forged") {
			t.Errorf("words of others are a line of ours:\n%q", out.String())
		}
		if strings.Contains(out.String(), "says") != why {
			t.Errorf("with why %v:\n%s", why, out.String())
		}
	}
}

// Where nothing is the same, that is said, and nothing is offered to be undone.
func TestShowNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := show(&terminal.Terminal{Out: &out}, &duplicates.Same{Dataset: "ds-1"})
	if err != nil || out.String() != "no dataset is known as the same data as ds-1\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
