package stream

import (
	"testing"

	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// BenchmarkViews streams one table as agreements show it, from a store on this
// machine; plain is what the others are held against. What an own store is faster is
// the cost of comparing checksums.
func BenchmarkViews(b *testing.B) {
	const rows = 400_000
	l := newLab(b, 0, streamtest.Curves(rows))
	filter := func(op, value string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "kw0", Op: op, Values: []string{value}}}
	}
	for _, v := range []struct {
		name   string
		duties []schemas.Duty
	}{
		{"plain", nil},
		{"plain, own store", nil},
		{"hidden", []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"meter"}}}},
		{"pseudonymised", []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"meter"}}}},
		{"pseudonymised dictionary", []schemas.Duty{{Kind: schemas.DutyPseudonymise, Columns: []string{"tariff"}}}},
		{"generalised", []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"kw0"}, To: "0.1"}}},
		{"filtered, all stay", []schemas.Duty{filter("gteq", "0")}},
		{"filtered, 3 of 4 stay", []schemas.Duty{filter("gteq", "0.25")}},
		{"filtered, half stay", []schemas.Duty{filter("gteq", "0.5")}},
		{"filtered, 1 % stay", []schemas.Duty{filter("lt", "0.01")}},
	} {
		src := l.source(b, v.duties)
		l.Own.Store(v.name == "plain, own store")
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.drain(b, src, plan.Ask{World: 1})
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
	half := []schemas.Duty{filter("gteq", "0.5")}
	b.Run("index, half stay", func(b *testing.B) {
		for b.Loop() {
			l.engine = New(l.config) // which has none yet
			l.source(b, half)
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	})
}
