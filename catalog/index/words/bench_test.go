package words

import (
	"strings"
	"sync"
	"testing"
)

// BenchmarkAsked is what words cost that nobody has asked for before, and those that are known.
func BenchmarkAsked(b *testing.B) {
	asked := strings.Fields("Luftqualitätsdaten verkeersongevallen accidents qualité ospedale školy")
	m, err := New()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			clear(m.known)
			m.count = 0
			clear(m.asked)
			for _, w := range asked {
				m.Asked(w)
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			for _, w := range asked {
				m.Asked(w)
			}
		}
	})
}

// Many read and ask at once.
func TestAtOnce(t *testing.T) {
	m := made1(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, language := range m.Languages() {
				m.Words("Daten der Stadt Köln, data of the city", language)
			}
			m.Asked("Daten")
			m.Guess("Die Daten der Stadt")
		})
	}
	all.Wait()
}
