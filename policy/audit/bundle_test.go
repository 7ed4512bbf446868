package audit_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

func export(t testing.TB, s *site, q audit.Query) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.log.Export(context.Background(), &b, q, audit.AnOfficer, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyBundle(b []byte, vkey string) (audit.Report, error) {
	return audit.VerifyBundle(bytes.NewReader(b), int64(len(b)), vkey)
}

// rezip passes each file of a bundle through edit; nil drops it.
func rezip(t testing.TB, b []byte, edit func(name string, text []byte) []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if text = edit(f.Name, text); text == nil {
			continue
		}
		w, err := z.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBundle(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.bulk(1200)
		whole := export(t, s, audit.Query{})
		if r, err := verifyBundle(whole, s.vkey); err != nil || !r.OK() || r.Records != 1201 || r.Size != 1201 {
			t.Fatalf("whole log: %+v, %v", r, err)
		}
		part := export(t, s, audit.Query{Values: map[string]string{"participant": "p-2"}, After: 100, Limit: 7})
		if r, err := verifyBundle(part, s.vkey); err != nil || !r.OK() || r.Records != 7 {
			t.Errorf("part: %+v, %v", r, err)
		}
		s.tamper("UPDATE change_value SET value = 'ds-2' WHERE position = 700 AND name = 'dataset'")
		if r, err := verifyBundle(export(t, s, audit.Query{}), s.vkey); err != nil || r.OK() || r.FirstBad != 700 || r.Erased != 0 {
			t.Errorf("with an edited value: %+v, %v", r, err)
		}
		_, other, err := audit.NewKey(origin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifyBundle(whole, other); schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("under another key of the same name: %v", err)
		}
	})
}

func TestBundleTampered(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	s.bulk(20)
	good := export(t, s, audit.Query{After: 5, Limit: 3})
	whole := export(t, s, audit.Query{})
	replace := func(file, old, with string) func(string, []byte) []byte {
		return func(name string, text []byte) []byte {
			if name != file {
				return text
			}
			if !bytes.Contains(text, []byte(old)) {
				t.Errorf("%s has no %q", file, old)
			}
			return bytes.Replace(text, []byte(old), []byte(with), 1)
		}
	}
	for _, c := range []struct {
		name     string
		bundle   []byte
		edit     func(string, []byte) []byte
		firstBad int64
		invalid  bool
	}{
		{"value", good, replace("records.jsonl", `"release":"rel-5"`, `"release":"rel-6"`), 6, false},
		{"index", good, replace("records.jsonl", `"index":6`, `"index":4`), 4, false},
		{"index beyond the size", good, replace("records.jsonl", `"index":7`, `"index":21`), 21, false},
		{"proof too long", good, replace("records.jsonl", `"proof":[`, `"proof":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",`), 5, false},
		{"leaf", good, replace("records.jsonl", `"leaf":"eyJ`, `"leaf":"eyK`), 5, false},
		{"line of nonsense", good, replace("records.jsonl", `{"index":6`, `{"undex":6`), 0, true},
		{"a second reading of the values", good, replace("records.jsonl", `"values":{`, `"VALUES":{"release":"rel-9"},"values":{`), 0, true},
		{"the same in other white space", good, replace("records.jsonl", `"values":{`, `"values": {`), 0, true},
		{"checkpoint", good, replace("checkpoint", "\n21\n", "\n22\n"), 0, true},
		{"no records", good, func(name string, text []byte) []byte {
			if name == "records.jsonl" {
				return nil
			}
			return text
		}, 0, true},
		{"row 74 in the whole log", whole, func(name string, text []byte) []byte {
			if name != "records.jsonl" {
				return text
			}
			return merge(t, text)
		}, 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := verifyBundle(rezip(t, c.bundle, c.edit), s.vkey)
			if c.invalid {
				if schemas.KindOf(err) != schemas.Invalid || err == nil {
					t.Errorf("%+v, %v; want invalid", r, err)
				}
				return
			}
			if err != nil || r.OK() || r.FirstBad != c.firstBad {
				t.Errorf("%+v, %v; want first bad %d", r, err, c.firstBad)
			}
		})
	}
	if _, err := verifyBundle([]byte("PK"), s.vkey); schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("no zip: %v", err)
	}
}

// merge puts line 3's leaf into line 2 and drops line 3.
func merge(t *testing.T, text []byte) []byte {
	t.Helper()
	lines := bytes.SplitAfter(text, []byte("\n"))
	type entry struct {
		Index  int64             `json:"index"`
		Leaf   []byte            `json:"leaf"`
		Values map[string]string `json:"values,omitempty"`
		Salts  map[string][]byte `json:"salts,omitempty"`
		Proof  [][]byte          `json:"proof"`
	}
	var two, three entry
	if json.Unmarshal(lines[2], &two) != nil || json.Unmarshal(lines[3], &three) != nil {
		t.Fatal("lines 2 and 3 are no records")
	}
	two.Leaf = three.Leaf
	b, err := json.Marshal(two)
	if err != nil {
		t.Fatal(err)
	}
	lines[2], lines[3] = append(b, '\n'), nil
	return bytes.Join(lines, nil)
}

// The README's own program accepts a good bundle and refuses an edited one.
func TestBundleReadme(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	s := newSite(t, dbtest.SQLite)
	s.bulk(70)
	run := func(b []byte) (string, error) {
		dir := t.TempDir()
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, z); err != nil {
			t.Fatal(err)
		}
		readme, err := os.ReadFile(filepath.Join(dir, "README.txt"))
		if err != nil {
			t.Fatal(err)
		}
		_, code, _ := strings.Cut(string(readme), "#---8<---")
		code, _, _ = strings.Cut(code, "#--->8---")
		cmd := exec.Command(python, "-c", "#"+code)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	good := export(t, s, audit.Query{After: 3, Limit: 60})
	if out, err := run(good); err != nil || !strings.Contains(out, "of 71 records") {
		t.Errorf("%v: %s", err, out)
	}
	bad := rezip(t, good, func(name string, text []byte) []byte {
		return bytes.Replace(text, []byte(`"release":"rel-5"`), []byte(`"release":"rel-6"`), 1)
	})
	if out, err := run(bad); err == nil {
		t.Errorf("an edited value passed: %s", out)
	}
}

func all(rs []schemas.Record) iter.Seq2[schemas.Record, error] {
	return func(yield func(schemas.Record, error) bool) {
		for _, r := range rs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestVerifyRecords(t *testing.T) {
	s := newSite(t, dbtest.SQLite)
	s.bulk(40)
	checkpoint := s.checkpoint()
	s.bulk(5) // later ones are not its business
	get := func() []schemas.Record {
		rs, err := s.log.Records(context.Background(), audit.Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	for _, c := range []struct {
		name     string
		edit     func(rs []schemas.Record) []schemas.Record
		firstBad int64
		ok       bool
	}{
		{"good", func(rs []schemas.Record) []schemas.Record { return rs }, -1, true},
		{"cut", func(rs []schemas.Record) []schemas.Record { return rs[:30] }, 30, false},
		{"hole", func(rs []schemas.Record) []schemas.Record { return append(rs[:8], rs[9:]...) }, 8, false},
		{"value", func(rs []schemas.Record) []schemas.Record { rs[9].Values["dataset"] = "x"; return rs }, 9, false},
		{"number", func(rs []schemas.Record) []schemas.Record { rs[9].Numbers["rows"]++; return rs }, 9, false},
		{"flagged value", func(rs []schemas.Record) []schemas.Record { delete(rs[9].Values, "dataset"); return rs }, 9, false},
		{"leaf", func(rs []schemas.Record) []schemas.Record { rs[9].Leaf[2] = 'x'; return rs }, 9, false},
		{"leaf swapped whole", func(rs []schemas.Record) []schemas.Record { r := rs[10]; r.Index = 9; rs[9] = r; return rs }, -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := audit.VerifyRecords(all(c.edit(get())), checkpoint, s.vkey, nil)
			if err != nil || r.OK() != c.ok || r.FirstBad != c.firstBad {
				t.Errorf("%+v, %v; want first bad %d", r, err, c.firstBad)
			}
		})
	}
}
