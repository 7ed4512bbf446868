package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"testing"
	"text/tabwriter"
)

// figure is one measured value beside its reference, both of the same run: the value in
// the unit that tells what a user gets, and the processor seconds of each process that
// took part for a GB of what was delivered.
type figure struct {
	Bench     string  `json:"bench"`
	Readers   int     `json:"readers,omitempty"` // at once
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Reference string  `json:"reference"`
	RefValue  float64 `json:"reference_value"`
	Ratio     float64 `json:"ratio"`
	Gateway   float64 `json:"cpu_s_per_gb,omitempty"`
	S3        float64 `json:"s3_cpu_s_per_gb,omitempty"`
	Client    float64 `json:"client_cpu_s_per_gb,omitempty"`
	Note      string  `json:"note,omitempty"`
}

// bench is one or more figures that are measured together, under one name.
type bench struct {
	name    string
	measure func(m *meter)
}

// benches are all figures that the docs claim, in the order in which they are measured.
func benches() []bench {
	return []bench{
		{"s3.direct", (*meter).direct},
		{"stream.http.plain", (*meter).plain},
		{"stream.http.small", (*meter).small},
		{"stream.http.shuffled", (*meter).shuffled},
		{"stream.http.columns2of10", (*meter).columns2of10},
		{"stream.flight.plain", (*meter).flight},
		{"stream.http.hidden", (*meter).hidden},
		{"stream.http.filtered75", (*meter).filtered},
		{"stream.http.pseudonymised", (*meter).pseudonymised},
		{"stream.http.verified", (*meter).verified},
		{"stream.https.plain", (*meter).https},
		{"s3face.get", (*meter).s3face},
		{"direct.range", (*meter).byURL},
		{"stream.open", (*meter).open},
		{"job.start", (*meter).jobStart},
		{"process.memory", (*meter).memory},
		{"kit.torch", (*meter).kitTorch},
		{"publish", (*meter).publish},
		{"publish.small", (*meter).publishSmall},
		{"publish.csv", (*meter).publishCSV},
		{"decisions", (*meter).decisions},
		{"search", (*meter).search},
		{"pages", (*meter).pages},
		{"catalog.ingest", packaged("catalog.ingest", "./catalog/harvest", "Belgium", "reading its statements alone")},
		{"search.facets", packaged("search.facets", "./catalog/index", "Facets$", "Bleve's own")},
		{"search.ranking", packaged("search.ranking", "./catalog/index", "Ranking", "Bleve's match of all words")},
		{"search.marks", packaged("search.marks", "./policy", "DecideAlike", "")},
		{"decision.memo", packaged("decision.memo", "./policy/agreement/mark", "Memo", "")},
		{"catalog.index", packaged("catalog.index", "./catalog/index", "Indexing", "")},
		{"catalog.index_growth", packaged("catalog.index_growth", "./catalog/index", "Growth", "after the first round")},
		{"catalog.memory", packaged("catalog.memory", "./catalog/index", "Memory", "")},
		{"catalog.validate", packaged("catalog.validate", "./catalog/profile", "Validate", "reading the same record")},
		{"audit.append", packaged("audit.append", "./policy/audit", "Append", "bare commits of SQLite")},
		{"report.uses", packaged("report.uses", "./policy/report", "Uses", "reading the same records alone")},
		{"db.beside-bulk", packaged("db.beside-bulk", "./connectors/db", "BesideBulk", "the same write alone")},
		{"views", packaged("views", "./gateway/stream", "Views", "")},
		{"conform", packaged("conform", "./connectors/shard", "Conform", "")},
	}
}

// BenchmarkFigures measures the running product from outside: the real binary as a
// child, the local S3 server as its store, this process as the client. BENCH is a regular
// expression over the names of figures. It prints a table as figures are made, and one
// JSON object a line into the file BENCH_JSON. Run it by make bench.
func BenchmarkFigures(b *testing.B) {
	picked, err := regexp.Compile(os.Getenv("BENCH"))
	if err != nil {
		b.Fatalf("BENCH is no regular expression: %v", err)
	}
	for range b.N { // once: it takes longer than any benchtime
		m := newMeter(b)
		any := false
		for _, f := range benches() {
			if picked.MatchString(f.name) {
				any = true
				f.measure(m)
			}
		}
		if !any {
			for _, f := range benches() {
				b.Log(f.name)
			}
			b.Fatalf("BENCH=%s picks none of the figures above", picked)
		}
		m.print()
		m.close()
	}
}

func (m *meter) add(f figure) {
	if f.RefValue != 0 {
		f.Ratio = f.Value / f.RefValue
	}
	m.figures = append(m.figures, f)
	fmt.Fprintf(os.Stderr, "%s\t%d at once\t%.3g %s\t%.2f of %s\n", f.Bench, f.Readers, f.Value, f.Unit, f.Ratio, f.Reference)
}

func (m *meter) print() {
	out := bufio.NewWriter(os.Stdout)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\n\t\t\t\t\t\t\tCPU s/GB")
	fmt.Fprintln(w, "FIGURE\tAT ONCE\tVALUE\tUNIT\tREFERENCE\tITS VALUE\tRATIO\tGATEWAY\tS3\tCLIENT\t")
	some := func(format string, x float64) string {
		if x == 0 {
			return ""
		}
		return fmt.Sprintf(format, x)
	}
	for _, f := range m.figures {
		fmt.Fprintf(w, "%s\t%s\t%.3g\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Bench, some("%.0f", float64(f.Readers)), f.Value, f.Unit, f.Reference,
			some("%.3g", f.RefValue), some("%.2f", f.Ratio), some("%.2f", f.Gateway), some("%.2f", f.S3), some("%.2f", f.Client), f.Note)
	}
	_ = w.Flush()
	_ = out.Flush()
	path := os.Getenv("BENCH_JSON")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	m.must(err)
	defer f.Close()
	for _, x := range m.figures {
		m.must(json.NewEncoder(f).Encode(x))
	}
}
