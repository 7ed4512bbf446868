package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"guichet/schemas"
)

// A png and a jpeg as far as their first bytes say.
const (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR and so on"
	jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00 and so on"
)

// objectsOf is a publication of a folder as objects.
func objectsOf(version string, names ...string) schemas.Publication {
	p := of(version, names...)
	p.Tables[0].Objects = true
	return p
}

// TestObjects: files that are given as they are keep name and bytes, stay where they lie, and
// are no rows; the dataset says what they are.
func TestObjects(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("b/1.png", png, "a.jpg", jpeg, "empty.txt", "", ".hidden", "x", "folder/", "", "list.csv", "x\n1\n")
	v := l.published(id, objectsOf("v1", "./"))
	if v.State != schemas.VersionPublished || v.Rows != 4 || v.Objects != 4 || v.Shards != 4 || v.Bytes != int64(len(png)+len(jpeg)+4) {
		t.Fatalf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	tab := v.Data[0]
	if !tab.Objects || tab.Schema != nil || tab.Columns != nil || len(tab.Splits) != 1 {
		t.Errorf("the table is %+v", tab)
	}
	var got []string
	for s := range v.EveryShard() {
		got = append(got, s.Name+" "+s.MediaType)
		body := l.bucket.Object(s.Bucket, s.Key)
		sum := sha256.Sum256(body)
		if s.Bucket != provided || s.Key != wheat+s.Name || s.SHA256 != hex.EncodeToString(sum[:]) || s.Size != int64(len(body)) || s.ETag == "" ||
			s.Rows != 1 || s.Source != nil {
			t.Errorf("%+v", s)
		}
	}
	if want := "a.jpg image/jpeg, b/1.png image/png, empty.txt text/plain, list.csv text/csv"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(said(v.Notes), "left out, as names that begin with a dot") {
		t.Errorf("what was left out is not said:\n%s", said(v.Notes))
	}
	d, err := l.Catalog.Own(t.Context(), agronomy, id)
	must(t, err)
	if i := d.Tables[0]; !i.Objects || strings.Join(i.Media, " ") != "image/jpeg image/png text/csv text/plain" || i.Bytes != v.Bytes {
		t.Errorf("the dataset says %+v", i)
	}
	if len(l.reads.names) > 0 {
		t.Errorf("decoded were %q", l.reads.names)
	}
	at := v.Data[0].Splits[0]
	if at.Find("b/1.png") != 1 || at.Find("b") != -1 {
		t.Errorf("found at %d and %d", at.Find("b/1.png"), at.Find("b"))
	}
}

// TestObjectsByName: files that hold no rows by their names are objects though nobody said so,
// beside rows as a table of their own; nothing else is guessed.
func TestObjectsByName(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("images/1.png", png, "images/2.jpg", jpeg, "mixed/1.png", png, "mixed/a.csv", "x\n1\n", "mixed/readme.md", "#", "odd/a.weird", "?")
	v := l.published(id, of("v1", "images/"))
	if v.State != schemas.VersionPublished || !v.Data[0].Objects || v.Objects != 2 ||
		!strings.Contains(said(v.Notes), "all of its files are objects by their names, such as 1.png") {
		t.Errorf("%+v\n%s%s", v.VersionSummary, said(v.Failures), said(v.Notes))
	}
	id = l.dataset() // a table of rows was one of objects before
	v = l.published(id, of("v2", "mixed/"))
	if v.State != schemas.VersionPublished || v.Tables != 2 || len(v.Data) != 2 || v.Data[0].Objects || v.Data[0].Name != "plots" ||
		!v.Data[1].Objects || v.Data[1].Name != "plots-files" || v.Data[1].Splits[0].Shards[0].Name != "1.png" || v.Rows != 2 || v.Objects != 1 {
		t.Fatalf("%+v\n%s%s", v.VersionSummary, said(v.Failures), said(v.Notes))
	}
	if !strings.Contains(said(v.Notes), "1 of its files are objects by their names, such as 1.png: they are the table plots-files") {
		t.Errorf("the report does not say so:\n%s", said(v.Notes))
	}
	v = l.published(id, of("v3", "odd/"))
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), "objects") {
		t.Errorf("a file of no known form: %s\n%s", v.State, said(v.Failures))
	}
	// What is added to a table of rows by its name makes no objects of the rows.
	l.put("more/3.png", png)
	v = l.published(id, adding("v2", "v4", "more/"))
	if v.State != schemas.VersionPublished || len(v.Data) != 2 || len(v.Data[1].Splits[0].Shards) != 2 || v.Objects != 2 || v.Rows != 3 {
		t.Errorf("%+v\n%s%s", v.VersionSummary, said(v.Failures), said(v.Notes))
	}
}

// TestObjectsAreChecked: names and terms are judged before anything is read.
func TestObjectsAreChecked(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("a.csv", "x\n1\n", "a/b.png", png, "a", "x", "ok/1.png", png)
	l.bucket.Put(provided, wheat+"bad/\u202ex.png", []byte(png))
	rows := l.published(id, of("v1", "a.csv"))
	if rows.State != schemas.VersionPublished {
		t.Fatal(said(rows.Failures))
	}
	onRows := objectsOf("v2", "ok/")
	onRows.Base = "v1"
	for name, c := range map[string]struct {
		p             schemas.Publication
		pointer, says string
	}{
		"unseen":          {objectsOf("v2", "bad/"), "/tables/0/splits/0/keys/0", "has no character that cannot be seen"},
		"file and folder": {objectsOf("v2", "a", "a/b.png"), "/tables/0/splits/0/keys/1", "cannot be a folder too"},
		"rows before":     {onRows, "/tables/0/objects", "objects make a table of their own"},
	} {
		_, err := l.Publish(t.Context(), agronomy, id, c.p)
		e, ok := errors.AsType[*schemas.Error](err)
		if !ok || !strings.Contains(e.Message, c.says) || len(e.Fields) != 1 || e.Fields[0].Pointer != c.pointer {
			t.Errorf("%s: %v %+v", name, err, e)
		}
	}
}

// TestObjectsUnderTerms: terms that show a part of every table keep objects from being
// published, at once or when they were set meanwhile; a rule for a table of rows does not.
func TestObjectsUnderTerms(t *testing.T) {
	hide := func(table string) schemas.Offer {
		return schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"},
			Duties: []schemas.Duty{{Kind: schemas.DutyHide, Table: table, Columns: []string{"x"}}}}}}
	}
	l := newLab(t)
	id := l.dataset()
	l.put("1.png", png, "a.csv", "x,y\n1,2\n")
	_, err := l.Catalog.PutOffer(t.Context(), agronomy, id, hide("plots"), 0)
	must(t, err)
	p := objectsOf("v1", "1.png")
	p.Tables[0].Name = "pictures"
	p.Tables = append(p.Tables, of("v1", "a.csv").Tables...)
	_, err = l.Publish(t.Context(), agronomy, id, p)
	must(t, err)
	_, err = l.Catalog.PutOffer(t.Context(), agronomy, id, hide(""), 0)
	must(t, err)
	_, err = l.Publish(t.Context(), agronomy, id, objectsOf("v2", "1.png"))
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Kind != schemas.Invalid || e.Fields[0].Pointer != "/tables/0" || !strings.Contains(e.Message, "offer §1 (hide)") {
		t.Errorf("%v", err)
	}
	l.run()
	v := l.ended(id, "v1")
	if v.State != schemas.VersionFailed || !strings.Contains(said(v.Failures), "which are given whole or not at all") {
		t.Errorf("terms that were set meanwhile: %s\n%s", v.State, said(v.Failures))
	}
	_, err = l.Catalog.PutOffer(t.Context(), agronomy, id, hide("plots"), 0)
	must(t, err)
	p.Version = "v3"
	if v := l.published(id, p); v.State != schemas.VersionPublished || len(v.Data) != 2 {
		t.Errorf("%s\n%s", v.State, said(v.Failures))
	}
}

// TestUploadedObjects: an upload's name may be used again, so that a version has a copy.
func TestUploadedObjects(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	body := strings.Repeat("0123456789abcdef", 1<<19) // two pieces
	must(t, l.upload(id, "big.bin", body))
	p := uploaded("v1", "big.bin")
	p.Tables[0].Objects = true
	v := l.published(id, p)
	if v.State != schemas.VersionPublished {
		t.Fatal(said(v.Failures))
	}
	for s := range v.EveryShard() {
		if s.Name != "big.bin" || s.Bucket != worked || !strings.HasPrefix(s.Key, "versions/") || len(s.Batches) != 2 || s.Source == nil ||
			s.Source.Format != "object" || !bytes.Equal(l.bucket.Object(s.Bucket, s.Key), []byte(body)) {
			t.Errorf("%+v", s)
		}
	}
	must(t, l.upload(id, "big.bin", "other"))
	if err := l.Catalog.Standing(t.Context(), id, "v1"); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(v.Data[0].Splits[0].Name); got != "all" {
		t.Errorf("split %s", got)
	}
}

// TestObjectsAreAdded: a version of objects grows like one of rows: what it holds stays, names
// stay in order, and a name that is held already is refused.
func TestObjectsAreAdded(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	l.put("b.png", png, "d.png", png+"d")
	v := l.published(id, objectsOf("v1", "./"))
	if v.State != schemas.VersionPublished {
		t.Fatal(said(v.Failures))
	}
	l.put("a.png", png+"a", "c.png", png+"c")
	p := of("v2", "./") // a table of objects stays one
	p.Base = "v1"
	v = l.published(id, p)
	if v.State != schemas.VersionPublished || v.Objects != 4 || v.Rows != 4 || v.Shards != 4 {
		t.Fatalf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
	var names []string
	for s := range v.EveryShard() {
		names = append(names, s.Name)
	}
	if strings.Join(names, " ") != "a.png b.png c.png d.png" {
		t.Errorf("names are %q", names)
	}
	l.put("sub/b.png", png+"other")
	again := objectsOf("v3", "sub/") // its names begin below sub/
	again.Base = "v2"
	_, err := l.Publish(t.Context(), agronomy, id, again)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || !strings.Contains(e.Message, `"b.png" in split all: there are two objects of this name`) ||
		e.Fields[0].Pointer != "/tables/0/splits/0/keys/0" {
		t.Errorf("%v", err)
	}
}

// TestObjectsGoOn: what a stop interrupts goes on with the objects that were not read, and of a
// dry run of uploads nothing is copied.
func TestObjectsGoOn(t *testing.T) {
	l := newLab(t).run()
	id := l.dataset()
	must(t, l.upload(id, "1.png", png))
	p := uploaded("try", "1.png")
	p.Tables[0].Objects, p.DryRun = true, true
	before := len(l.bucket.Keys(worked))
	v := l.published(id, p)
	if v.State != schemas.VersionTried || v.Objects != 1 || len(l.bucket.Keys(worked)) != before {
		t.Errorf("%+v, %d objects were written", v.VersionSummary, len(l.bucket.Keys(worked))-before)
	}
	l.put("a.png", png)
	p = objectsOf("v1", "a.png", "gone.png")
	v = l.published(id, p)
	if v.State != schemas.VersionFailed || v.Objects != 0 || !strings.Contains(said(v.Failures), "gone.png") {
		t.Errorf("%+v\n%s", v.VersionSummary, said(v.Failures))
	}
}
