package db_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/schemas"
)

func TestLeafBytes(t *testing.T) {
	s, err := db.Seal(schemas.Change{Kind: "release.begin", At: time.Date(2026, 11, 25, 1, 2, 3, 4567, time.FixedZone("", 3600)), Numbers: map[string]int64{"rows": -1, "bytes": 1<<53 - 1}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-11-25T00:02:03.000004Z","kind":"release.begin","numbers":{"bytes":9007199254740991,"rows":-1},"v":1,"values":{}}`
	if string(s.Leaf) != want {
		t.Errorf("leaf\n%s\nwant\n%s", s.Leaf, want)
	}
}

func TestLeafRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z0-9_.:-]{1,64}`)
	rapid.Check(t, func(t *rapid.T) {
		c := schemas.Change{
			Kind:    name.Draw(t, "kind"),
			At:      time.UnixMicro(rapid.Int64Range(-1<<50, 1<<52).Draw(t, "at")),
			Values:  rapid.MapOfN(name, rapid.String(), 0, 5).Draw(t, "values"),
			Numbers: rapid.MapOfN(name, rapid.Int64Range(-(1<<53-1), 1<<53-1), 0, 5).Draw(t, "numbers"),
		}
		s, err := db.Seal(c)
		if err != nil {
			t.Fatal(err)
		}
		l, err := db.ParseLeaf(s.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(s.Leaf) || l.Kind != c.Kind || !l.At.Equal(s.Change.At) || len(l.Values) != len(c.Values) {
			t.Fatalf("%v from %s", l, s.Leaf)
		}
		if d := cmp.Diff(c.Numbers, l.Numbers); d != "" && len(c.Numbers) > 0 {
			t.Fatal(d)
		}
		for n, v := range s.Change.Values {
			if !l.Opens(n, s.Salts[n], v) || l.Opens(n, s.Salts[n], v+"x") || l.Opens(n, make([]byte, db.SaltBytes), v) || l.Opens(n+"x", s.Salts[n], v) {
				t.Fatalf("commitment to %q", n)
			}
		}
	})
}

// What is accepted is exactly what would be written.
func FuzzLeaf(f *testing.F) {
	good := `{"at":"2026-11-25T00:02:03.000004Z","kind":"a","numbers":{"bytes":1,"rows":-1},"v":1,"values":{"x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}`
	f.Add([]byte(good))
	for _, bad := range []string{"", "{}", "null", good + "\n", `{"kind":"a",` + good[1:], good[:len(good)-1] + `,"v":1}`} {
		f.Add([]byte(bad))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := db.ParseLeaf(b)
		if err == nil && !bytes.Equal(l.Encode(), b) {
			t.Errorf("%q was accepted, %q would be written", b, l.Encode())
		}
		if err != nil && schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q: %v", b, err)
		}
	})
}
