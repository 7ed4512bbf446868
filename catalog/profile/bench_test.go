package profile

import (
	"slices"
	"testing"
	"time"

	"guichet/connectors/dcatap"
	"guichet/connectors/dcatap/dcataptest"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// BenchmarkValidate checks real records of the Belgian catalogue against the profiles of a space, as a registration does: the
// 95th percentile of one, and the mean as a share of reading the same record.
func BenchmarkValidate(b *testing.B) {
	c := checker(b)
	var records [][]byte
	dcataptest.Datasets(b, true, func(_ string, _ int, doc []byte) {
		if len(records) < 1500 {
			records = append(records, doc)
		}
	})
	for _, space := range []schemas.SpaceID{"energy", "health", "mobility"} {
		b.Run(string(space), func(b *testing.B) {
			var took []time.Duration
			var read, checked, brief time.Duration
			for b.Loop() {
				for _, doc := range records {
					start := time.Now()
					items, err := dcatap.ReadAll(rdf.JSONLD, doc, "")
					read += time.Since(start)
					if err != nil || len(items) == 0 || items[0].Err != nil {
						continue
					}
					d := items[0].Dataset
					d.ID, d.Space = "ds-1", space
					start = time.Now()
					c.Of(&d)
					took = append(took, time.Since(start))
					checked += took[len(took)-1]
					start = time.Now()
					c.Brief(&d)
					brief += time.Since(start)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "us-p95")
			b.ReportMetric(checked.Seconds()/read.Seconds(), "of-reading")
			b.ReportMetric(float64(brief.Microseconds())/float64(len(took)), "us-stored")
		})
	}
}
