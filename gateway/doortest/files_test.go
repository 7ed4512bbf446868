package doortest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/schemas"
)

// uploaded publishes a file of the trials as a provider does from a laptop; failed is
// what the version says when it was not published.
func uploaded(t *testing.T, r *Rig, name string, offer schemas.Offer, path string) (d schemas.Dataset, failed string) {
	t.Helper()
	c := r.As(t, "agronomy")
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, c.Post(t.Context(), "/datasets", schemas.Dataset{Space: "agriculture", Title: schemas.Text{"en": name}, Licence: "CC-BY-4.0", Countries: []string{"FR"}}, &d))
	at, file := "/datasets/"+string(d.ID), filepath.Base(path)
	must(t, c.Do(t.Context(), "PUT", at+"/offer", offer, nil))
	must(t, c.Upload(t.Context(), at+"/files/t/all/"+file, bytes.NewReader(b), int64(len(b))))
	must(t, c.Post(t.Context(), at+"/versions", schemas.Publication{Version: "v1", Uploaded: true,
		Tables: []schemas.PublicationTable{{Name: "t", Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{file}}}}}}, nil))
	_, err = c.WaitPublished(t.Context(), d.ID, "v1", nil)
	if e, ok := errors.AsType[*schemas.Error](err); ok && e.Kind == schemas.Invalid {
		return d, fmt.Sprint(e.Fields)
	}
	must(t, err)
	return d, ""
}

// filesPublished are the trials of formats, from the upload to every door: CSV without
// guessing (40, 42, 46, 48) and files that must not be published short (44, 54).
func filesPublished(t *testing.T, r *Rig, doors []Door) {
	asRead := func(d schemas.Dataset) (map[string][]string, map[string]string, [][]byte) {
		t.Helper()
		id := r.Agree(t, time.Time{}, d)[0].ID
		lease := r.Lease(t, id)
		r.Manifest(t, id, lease)
		var first map[string][]string
		types := map[string]string{}
		var raws [][]byte
		for _, door := range doors {
			recs, raw, err := read(door, lease, id, nil)
			must(t, err)
			raws = append(raws, raw)
			values := map[string][]string{}
			for _, rec := range recs {
				for i, f := range rec.Schema().Fields() {
					types[f.Name] = f.Type.String()
					for row := range int(rec.NumRows()) {
						v := rec.Column(i).ValueStr(row)
						if v == array.NullValueStr && rec.Column(i).IsNull(row) {
							v = "null"
						}
						values[f.Name] = append(values[f.Name], v)
					}
				}
			}
			if first == nil {
				first = values
			}
			equal(t, door.Name(), first, values)
		}
		return first, types, raws
	}
	for _, c := range []struct{ trial, file, types string }{
		{"40-namibia", "codes.csv", "iso2:utf8 name:utf8 visits:int64"},
		{"42-big-integers", "ids.csv", "int64:int64 row:int64 uint64:uint64 wide:utf8 with_null:int64"},
		{"46-not-a-date", "plots.csv", "date:date32 event:utf8 plot:utf8"},
	} {
		d, failed := uploaded(t, r, "Trial "+c.trial, Open(), filepath.Join(shared(t, c.trial), c.file))
		if failed != "" {
			t.Errorf("%s: %s", c.trial, failed)
			continue
		}
		got, types, _ := asRead(d)
		var have []string
		for name, typ := range types {
			have = append(have, name+":"+typ)
		}
		slices.Sort(have)
		equal(t, c.trial+" types", c.types, strings.Join(have, " "))
		for column, want := range expected(t, c.trial) {
			equal(t, c.trial+" "+column, want, got[column])
		}
	}
	for file, amounts := range map[string][]string{"bom.csv": {"100", "200"}, "bom-quoted.csv": {"100"}, "utf16le.csv": {"100"}} {
		d, failed := uploaded(t, r, "Trial 48 "+file, Open(schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"day"}}), filepath.Join(shared(t, "48-bom"), file))
		if failed != "" {
			t.Errorf("%s: %s", file, failed)
			continue
		}
		got, _, raws := asRead(d)
		equal(t, file, map[string][]string{"amount": amounts}, got)
		for i, raw := range raws {
			if bytes.Contains(raw, []byte("day")) {
				t.Errorf("%s, %s: the hidden column's name is among the bytes", file, doors[i].Name())
			}
		}
	}
	for path, words := range map[string][]string{
		"44-ragged/ragged.csv": {"line 3 has 5", "line 4 has 2"}, "54-truncated-upload/after-batch-2.arrows": {"after-batch-2.arrows"}, "54-truncated-upload/after-schema.arrows": {"after-schema.arrows"},
		"54-truncated-upload/in-body.arrows": {"in-body.arrows"}, "54-truncated-upload/in-length.arrows": {"in-length.arrows"}, "54-truncated-upload/in-metadata.arrows": {"in-metadata.arrows"},
	} {
		folder, file := filepath.Split(path)
		d, failed := uploaded(t, r, "Trial "+path, Open(), filepath.Join(shared(t, filepath.Clean(folder)), file))
		for _, word := range words {
			if !strings.Contains(failed, word) {
				t.Errorf("%s: the version says %q, want %q in it", path, failed, word)
			}
		}
		must(t, r.As(t, "agronomy").Get(t.Context(), "/datasets/"+string(d.ID), &d))
		if d.Latest != nil {
			t.Errorf("%s was published: %+v", path, d.Latest)
		}
	}
	d, failed := uploaded(t, r, "Trial 54 whole", Open(), filepath.Join(shared(t, "54-truncated-upload"), "whole.arrows"))
	if failed != "" || d.ID == "" {
		t.Fatalf("the whole file: %s", failed)
	}
	got, _, _ := asRead(d)
	for column, values := range got {
		equal(t, "whole, "+column, 300, len(values))
	}
}

// expected reads a trial's expected.json; numbers become their texts.
func expected(t *testing.T, trial string) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(shared(t, trial), "expected.json"))
	must(t, err)
	var doc map[string]any
	must(t, json.Unmarshal(b, &doc))
	out := map[string][]string{}
	for name, v := range doc {
		list, _ := v.([]any)
		for _, x := range list {
			if x == nil {
				x = "null"
			}
			out[name] = append(out[name], fmt.Sprint(x))
		}
	}
	return out
}
