package staged

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// Who reads all of a record batch but its beginning has read it, once; and what is open ends with the
// copy.
func TestMiddles(t *testing.T) {
	t.Parallel()
	s, c := newSite(t)
	kept := s.made(c)
	now := time.Now()
	kept.now = func() time.Time { return now }
	source, err := kept.Source()
	must(t, err)
	defer source.Close()
	f := client.File{Table: "fields", Split: "train", Name: "0.arrow", Size: -1}
	must(t, source.Stat(t.Context(), &f))
	read := func(from, n int64) {
		t.Helper()
		in, err := source.Range(t.Context(), &f, from, n)
		must(t, err)
		defer in.Close()
		_, err = io.Copy(io.Discard, in)
		must(t, err)
	}
	second := kept.about.Files["fields/train/0.arrow"].Blocks[1].Offset
	for _, n := range []struct{ from, n, rows int64 }{
		{second + 1, 9, 20}, {second + 100, 9, 20}, {second, 1, 40}, {second - 1, 1, 50}, {second - 9, 10, 70}, {second + 70_128, 9, 70},
	} {
		read(n.from, n.n)
		got, err := kept.HandBack(t.Context(), c)
		if err != nil || got.Rows != n.rows {
			t.Errorf("after %d bytes from %d of a batch at %d: %d rows, want %d, %v", n.n, n.from, second, got.Rows, n.rows, err)
		}
	}
	in, err := source.Range(t.Context(), &f, 0, f.Size)
	must(t, err)
	defer in.Close()
	_, err = io.ReadFull(in, make([]byte, 100))
	must(t, err)
	now = now.Add(2 * time.Hour)
	_, err = in.Read(make([]byte, 100))
	kind(t, "read on after the end", err, schemas.Busy, "it was open until")
}

// some is a site whose manifest has one table of objects with these names.
type some struct {
	*site
	names []string
}

// Manifest is a Files'.
func (s some) Manifest(context.Context) (schemas.Manifest, error) {
	m := schemas.Manifest{Version: "v1", Tables: []schemas.ManifestSplit{{Table: "scans", Split: "all"}}}
	for _, name := range s.names {
		m.Tables[0].Objects = append(m.Tables[0].Objects, schemas.ManifestObject{Name: name, Size: 4})
	}
	return m, nil
}

// A copy of nothing is whole, names may be long, and what a killed process left goes with the rest.
func TestNothingAndLongNames(t *testing.T) {
	t.Parallel()
	s, c := newSite(t)
	kept := s.made(c)
	must(t, kept.Fill(t.Context(), some{site: s}, func(int64, int64) {}))
	source, err := kept.Source()
	must(t, err)
	defer source.Close()
	m, err := source.Manifest(t.Context())
	if err != nil || len(m.Tables) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	name := strings.Repeat("x", 251)
	s.files["scans/all/"+name] = []byte("text")
	must(t, kept.Fill(t.Context(), some{s, []string{name}}, func(int64, int64) {}))
	must(t, os.WriteFile(filepath.Join(kept.dir, partsName, "left"), []byte("identity"), 0o600))
	dir := kept.dir
	_, err = kept.End(t.Context(), c)
	must(t, err)
	_, err = os.Stat(dir)
	if !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
