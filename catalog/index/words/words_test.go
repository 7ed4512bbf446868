package words

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func made1(t *testing.T) *Maker {
	t.Helper()
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func texts(words []Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, w.Text)
	}
	return out
}

func TestWords(t *testing.T) {
	m := made1(t)
	const text = "Größere Straßenzüge: PM2.5 und wind_speed, Musik-Sammlung"
	all := m.Words(text, "de-AT")
	if got, want := texts(all), []string{"grossere", "strassenzuge", "pm2.5", "und", "wind_speed", "musik", "sammlung"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	if w := all[5]; w.Joined != "musiksammlung" || text[w.Start:w.End] != "Musik" {
		t.Errorf("%+v", w)
	}
	if len(all[3].Stems) > 0 {
		t.Errorf("und has stems: %v", all[3].Stems)
	}
}

// Forms of a word meet in their stem, also typed without accents, and only in its language.
func TestFormsMeet(t *testing.T) {
	m := made1(t)
	for _, c := range []struct{ tag, text, asked string }{
		{"de", "Häuser", "haus"}, {"en", "accidents", "accident"}, {"fr", "qualités", "qualite"}, {"es", "guías", "guia"}, {"nl", "huizen", "huizen"},
		{"it", "l'incidenti", "incidente"}, {"pl", "pszenicy", "pszenica"}, {"pt", "acidentes", "acidente"}, {"sv", "skolorna", "skola"},
	} {
		a := m.Asked(c.asked)
		if w := m.Words(c.text, c.tag); len(w) != 1 || !slices.ContainsFunc(w[0].Stems, func(s string) bool { return slices.Contains(a.Stems, s) }) {
			t.Errorf("%s: %q makes %+v, %q %v", c.tag, c.text, w, c.asked, a.Stems)
		}
		if w := m.Words(c.text, ""); len(w) != 1 || len(w[0].Stems) > 0 {
			t.Errorf("of no language %q makes %+v", c.text, w)
		}
	}
}

// Words that nobody writes are not remembered, nor more than so many: they would take much
// memory for good.
func TestLongWordsAreNotRemembered(t *testing.T) {
	m, err := newMaker() // of its own
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		m.Words(strings.Repeat("å", 60)+strconv.Itoa(i), "ja")
	}
	if m.count > 0 {
		t.Errorf("%d are remembered", m.count)
	}
	for i := range maxKnown + 10 {
		m.Words("w"+strconv.Itoa(i), []string{"de", "en"}[i%2])
	}
	if n := len(m.known["de"]) + len(m.known["en"]); n != m.count || n > maxKnown {
		t.Errorf("%d are remembered, %d counted", n, m.count)
	}
}

// A text that is one row of words and hyphens takes time in step with its bytes, and is no word.
func TestRowsOfHyphens(t *testing.T) {
	m := made1(t)
	begun := time.Now()
	all := m.Words(strings.Repeat("ab-", 100_000), "en")
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it takes %s", took)
	}
	if len(all) != 100_000 || all[0].Joined != "" {
		t.Errorf("%d words, joined %.50q", len(all), all[0].Joined)
	}
}

// A word says nothing by itself as it is typed, not as another language writes it without accents.
func TestSaysNothing(t *testing.T) {
	t.Parallel()
	m, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]bool{"du": true, "à": true, "the": true, "ble": true, "blé": false, "wheat": false} {
		if m.Asked(word).Empty != want {
			t.Errorf("%s says nothing by itself: %v", word, !want)
		}
	}
}
