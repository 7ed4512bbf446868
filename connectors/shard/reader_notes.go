package shard

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// shutOut names the readers that read no column of a table while f is among them, as
// they were in November 2026: polars 2.1, DuckDB 2.0, Hugging Face datasets 5.2.
// docs/formats.md shows the first two; each is one note of the publish report.
func shutOut(f arrow.Field, path string) (notes []string) {
	if path != "" {
		path += "."
	}
	path += f.Name
	const polars, duckdb, datasets = "polars", "DuckDB", "Hugging Face datasets"
	var out []string
	what := f.Type.String()
	switch f.Type.ID() {
	case arrow.FLOAT16:
		out = []string{duckdb}
	case arrow.DECIMAL256:
		out = []string{polars, duckdb}
	case arrow.DECIMAL128:
		if d, ok := f.Type.(*arrow.Decimal128Type); ok && d.Scale < 0 {
			out = []string{polars, duckdb}
		}
	case arrow.TIMESTAMP:
		if t, ok := f.Type.(*arrow.TimestampType); ok && !zoneNamed(t.TimeZone) {
			out = []string{polars}
		}
	case arrow.STRUCT:
		if twice(ipc.ChildFields(f.Type)) {
			out = []string{polars}
		}
	case arrow.INTERVAL_MONTH_DAY_NANO:
		out = []string{polars, datasets}
		notes = append(notes, fmt.Sprintf("column %q (%s): DuckDB cuts its nanoseconds to microseconds", path, what))
	}
	switch name, _ := f.Metadata.GetValue(ipc.ExtensionName); name {
	case "arrow.uuid", "arrow.bool8", "arrow.fixed_shape_tensor":
		out, what = append(out, datasets), name
	}
	if len(out) > 0 {
		they, them := "they read", "them"
		if len(out) == 1 {
			they, them = "it reads", "it"
		}
		notes = append(notes, fmt.Sprintf("column %q (%s) shuts out %s: %s nothing of a table that has it; let %s ask for the "+
			"other columns", path, what, strings.Join(out, " and "), they, them))
	}
	dt := f.Type
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.ValueType
	}
	for _, k := range ipc.ChildFields(dt) {
		notes = append(notes, shutOut(k, path)...)
	}
	return notes
}

// zoneNamed says whether a zone is none, UTC or one that the database of zones has: Arrow
// allows offsets such as +05:30 too.
func zoneNamed(zone string) bool {
	if zone == "" {
		return true
	}
	_, err := time.LoadLocation(zone)
	return err == nil
}

// twice says whether two fields have one name.
func twice(fields []arrow.Field) bool {
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.Name] {
			return true
		}
		seen[f.Name] = true
	}
	return false
}
