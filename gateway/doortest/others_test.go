package doortest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

// readByOthers: polars and DuckDB read streams and files as pyarrow does, over
// shards whose dictionaries change, and trial 50's, whole and as views leave it.
func readByOthers(t *testing.T, r *Rig, _ []Door) {
	py := python(t)
	out, err := exec.Command(py, "-c", "import polars, duckdb").CombinedOutput()
	if err != nil {
		Skip(t, "%s lacks polars or duckdb; make setup installs them: %s", py, lastLine(string(out)))
	}
	dir := t.TempDir()
	out, err = exec.Command(py, "testdata/dictionaries.py", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("dictionaries.py: %v\n%s", err, out)
	}
	changing, nulls := dir, shared(t, "50-null-dictionary")
	for _, c := range []struct {
		name   string
		dir    string
		duties []schemas.Duty
		want   string
	}{
		{"dictionaries", changing, nil, "3598 replaced 15"},
		{"dictionaries-filtered", changing, []schemas.Duty{filterOn("word", "in", "red", "ß")}, ""},
		{"dictionaries-budgeted", changing, []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 1 << 30}}, "3598"},
		{"dictionaries-edited", changing, []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"}}, "3598"},
		{"dictionaries-empty", changing, []schemas.Duty{filterOn("n", "lt", "0")}, "0"},
		{"null-dictionary", nulls, nil, "5"},
		{"null-dictionary-nulls", nulls, []schemas.Duty{filterOn("n", "eq", "2")}, ""},
		{"null-dictionary-empty", nulls, []schemas.Duty{filterOn("n", "lt", "-1000000")}, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, lease := r.Ready(t, "others-"+c.name, Open(c.duties...), filesIn(t, c.dir)...)
			args := []string{"testdata/others.py", r.HTTP, lease, string(id), fmt.Sprint(len(r.Manifest(t, id, lease).Tables[0].Shards))}
			if c.duties == nil {
				files, err := filepath.Glob(filepath.Join(c.dir, "*.arrow"))
				must(t, err)
				args = append(args, files...)
			}
			out, err := exec.Command(py, args...).CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), "equal "+c.want) {
				t.Errorf("others.py: %v\n%s", err, out)
			}
		})
	}
}
