package publish

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"guichet/schemas"
)

func (l *lab) upload(id schemas.DatasetID, name, text string) error {
	return l.Upload(l.t.Context(), agronomy, id, "plots", "all", name, strings.NewReader(text), int64(len(text)))
}

// uploaded is a publication of uploaded files.
func uploaded(version string, names ...string) schemas.Publication {
	return schemas.Publication{Version: schemas.VersionID(version), Uploaded: true,
		Tables: []schemas.PublicationTable{{Name: "plots", Splits: []schemas.PublicationSplit{{Keys: names}}}}}
}

// TestUploads: files of a laptop are published by their names, each version with copies of
// its own: a name that is used again changes nothing that is published.
func TestUploads(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	must(t, l.upload(id, "a.csv", "x\n1\n"))
	must(t, l.upload(id, "b.csv", "x\n2\n"))
	v := l.published(id, uploaded("v1", "a.csv", "b.csv"))
	if v.State != schemas.VersionPublished || v.Rows != 2 {
		t.Fatalf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	before := map[string]string{}
	for s := range v.EveryShard() {
		before[s.Key] = string(l.bucket.Object(s.Bucket, s.Key))
		if strings.HasPrefix(s.Key, "uploads/") {
			t.Errorf("the version holds the upload itself: %s", s.Key)
		}
	}
	must(t, l.upload(id, "a.csv", "x\n3\n4\n"))
	v = l.published(id, uploaded("v2", "a.csv", "b.csv"))
	if v.State != schemas.VersionPublished || v.Rows != 3 {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	for key, text := range before {
		if string(l.bucket.Object(worked, key)) != text {
			t.Errorf("%s of v1 changed", key)
		}
	}
	// Faults name the file as it was uploaded, not where it lies.
	must(t, l.upload(id, "bad.parquet", "PAR1 and no more"))
	v = l.published(id, uploaded("v3", "bad.parquet"))
	if v.State != schemas.VersionFailed || v.Failures[0].Pointer != "plots/all/bad.parquet" || strings.Contains(said(v.Failures), "uploads/") {
		t.Errorf("%s\n%s", v.State, said(v.Failures))
	}
}

// TestUploadsAreChecked: what cannot be a file is refused before it is sent on.
func TestUploadsAreChecked(t *testing.T) {
	l := newLab(t)
	id := l.dataset()
	for name, c := range map[string]struct {
		table, split, file string
		size               int64
		kind               schemas.Kind
		says               string
	}{
		"empty":      {"plots", "all", "a.csv", 0, schemas.Invalid, "the file a.csv is empty"},
		"no length":  {"plots", "all", "a.csv", -1, schemas.Invalid, "say how long the file is"},
		"too long":   {"plots", "all", "a.csv", MaxUpload + 1, schemas.TooLarge, "at most 53687091200 bytes"},
		"table":      {"Plots", "all", "a.csv", 1, schemas.Invalid, "cannot name a table"},
		"split":      {"plots", "a b", "a.csv", 1, schemas.Invalid, "cannot name a split"},
		"no name":    {"plots", "all", "", 1, schemas.Invalid, "is not a file name"},
		"slash":      {"plots", "all", "../a.csv", 1, schemas.Invalid, "is not a file name"},
		"dot":        {"plots", "all", ".a.csv", 1, schemas.Invalid, "is not a file name"},
		"unseen":     {"plots", "all", "a\u202e.csv", 1, schemas.Invalid, "is not a file name"},
		"no text":    {"plots", "all", "a\xff.csv", 1, schemas.Invalid, "is not a file name"},
		"very long":  {"plots", "all", strings.Repeat("a", 201), 1, schemas.Invalid, "is not a file name"},
		"break off":  {"plots", "all", "a.csv", 100, schemas.Invalid, "the upload broke off after 4 of 100 bytes"},
		"not theirs": {"plots", "all", "a.csv", 4, schemas.NotFound, ""},
	} {
		by := agronomy
		if name == "not theirs" {
			by = grid
		}
		body := io.MultiReader(strings.NewReader("x\n1\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
		err := l.Upload(t.Context(), by, id, c.table, c.split, c.file, body, c.size)
		if schemas.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := l.Upload(t.Context(), agronomy, id, "plots", "all", "a.csv", strings.NewReader(""), -1)
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty file of unknown length: %v", err)
	}
	if got := l.bucket.Keys(worked); len(got) > 0 {
		t.Errorf("stored were %q", got)
	}
	for pointer, names := range map[string][]string{"/tables/0/splits/0/keys": nil, "/tables/0/splits/0/keys/1": {"a.csv", "../b.csv"}} {
		_, err := l.Publish(t.Context(), agronomy, id, uploaded("v1", names...))
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Pointer != pointer {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// TestUploadsAreBounded: all files of a provider together have a bound, which files at the
// same time do not pass together; one that is replaced counts once, one that broke off not.
func TestUploadsAreBounded(t *testing.T) {
	l := newLab(t, func(c *Config) { c.MaxUploads = 10 })
	id := l.dataset()
	must(t, l.upload(id, "a.csv", "1234567"))
	err := l.upload(id, "b.csv", "1234")
	if schemas.KindOf(err) != schemas.TooLarge ||
		!strings.Contains(err.Error(), "uploaded files have 7 bytes, and with this one more than the 10") {
		t.Errorf("more than all may have: %v", err)
	}
	must(t, l.upload(id, "a.csv", "12345"))
	must(t, l.upload(id, "b.csv", "1234"))
	body := io.MultiReader(strings.NewReader("1"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := l.Upload(t.Context(), agronomy, id, "plots", "all", "a.csv", body, 6); schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("an upload that broke off: %v", err)
	}
	err = l.upload(id, "c.csv", "1")
	if err != nil { // 5 + 4 + 1: the broken one is counted as what was there before
		t.Error(err)
	}
	errs := make(chan error)
	for i := range 4 {
		go func() { errs <- l.upload(id, fmt.Sprintf("%d.csv", i), "12") }()
	}
	for range 4 {
		if err := <-errs; schemas.KindOf(err) != schemas.TooLarge {
			t.Errorf("no room is left: %v", err)
		}
	}
}
