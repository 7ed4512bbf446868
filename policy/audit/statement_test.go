package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// exported writes a bundle for a participant from whom the persons of others are withheld.
func exported(t *testing.T, s *site, exporter string) []byte {
	t.Helper()
	var b bytes.Buffer
	err := s.log.Export(context.Background(), &b, audit.Query{}, exporter, func(r schemas.Record) schemas.Record {
		if r.Values["by"] == exporter || exporter == audit.AnOfficer {
			return r
		}
		r.Values, r.Salts = maps.Clone(r.Values), maps.Clone(r.Salts)
		delete(r.Values, "subject")
		delete(r.Salts, "subject")
		return r
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Nobody who passes a bundle on can leave out records or values and say that they were
// withheld: the log signed for whom it was and what it held.
func TestWhatABundleWithholds(t *testing.T) {
	t.Parallel()
	s := newSite(t, dbtest.SQLite)
	err := s.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, by := range []string{"https://me.example", "https://other.example"} {
			_, err := tx.Append(
				ctx,
				schemas.Change{Kind: schemas.ChangeRequest, Values: map[string]string{"by": by, "subject": "iss#person of " + by, "state": "granted"}},
			)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const me = "https://me.example"
	mine, officers := exported(t, s, me), exported(t, s, audit.AnOfficer)
	if r, err := verifyBundle(mine, s.vkey); err != nil || !r.OK() || r.Withheld != 1 || r.For != me {
		t.Fatalf("as it was exported: %+v, %v", r, err)
	}
	if r, err := verifyBundle(officers, s.vkey); err != nil || !r.OK() || r.Withheld != 0 || r.For != audit.AnOfficer {
		t.Fatalf("an officer's: %+v, %v", r, err)
	}
	strip := func(line []byte) []byte { // the person out of every record, said to be withheld
		var e map[string]any
		if json.Unmarshal(line, &e) != nil {
			t.Fatalf("a line: %s", line)
		}
		values, _ := e["values"].(map[string]any)
		salts, _ := e["salts"].(map[string]any)
		if values["subject"] == nil {
			return line
		}
		delete(values, "subject")
		delete(salts, "subject")
		head, tail := bytes.Index(line, []byte(`"values":`)), bytes.Index(line, []byte(`,"proof":`))
		v, _ := json.Marshal(values)
		x, _ := json.Marshal(salts)
		return []byte(
			string(
				line[:head],
			) + `"values":` + string(v) + `,"salts":` + string(x) + strings.TrimSuffix(
				string(line[tail:]), "}",
			) + `,"withheld":["subject"]}`,
		)
	}
	for name, forged := range map[string][]byte{
		"persons stripped":                     edited(t, mine, strip, true),
		"persons stripped, of an officer's":    edited(t, officers, strip, true),
		"persons stripped, without statement":  edited(t, officers, strip, false),
		"a record left out":                    edited(t, officers, func(line []byte) []byte { return dropped(line, "other.example") }, true),
		"what was withheld, without statement": edited(t, mine, func(line []byte) []byte { return line }, false),
	} {
		if r, err := verifyBundle(forged, s.vkey); err == nil && r.OK() {
			t.Errorf("%s verifies: %+v", name, r)
		}
	}
	if r, err := verifyBundle(edited(t, officers, func(line []byte) []byte { return line }, false), s.vkey); err != nil || !r.OK() ||
		r.For != "" {
		t.Errorf("a bundle of before, without statement: %+v, %v", r, err)
	}
	var theirs []byte
	rezip(t, mine, func(name string, text []byte) []byte {
		if name == "statement" {
			theirs = text
		}
		return text
	})
	swapped := rezip(t, officers, func(name string, text []byte) []byte {
		if name == "statement" {
			return theirs
		}
		return text
	})
	if r, err := verifyBundle(swapped, s.vkey); err == nil && r.OK() {
		t.Errorf("under the statement of another bundle: %+v", r)
	}
}

func dropped(line []byte, with string) []byte {
	if bytes.Contains(line, []byte(with)) {
		return nil
	}
	return line
}

// edited passes each record of a bundle through edit; nil drops it.
func edited(t *testing.T, b []byte, edit func(line []byte) []byte, statement bool) []byte {
	t.Helper()
	return rezip(t, b, func(name string, text []byte) []byte {
		switch name {
		case "statement":
			if !statement {
				return nil
			}
		case "records.jsonl":
			var out []byte
			for line := range bytes.Lines(text) {
				line = edit(bytes.TrimSuffix(line, []byte("\n")))
				if line != nil {
					out = append(append(out, line...), '\n')
				}
			}
			return out
		}
		return text
	})
}
