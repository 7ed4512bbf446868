package publish

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"guichet/gateway/web/owner"
	"guichet/gateway/web/pagetest"
	"guichet/schemas"
)

// us is the provider of these tests.
const us = "https://p.example"

// at the place of these tests.
const place = "s3://local/b/p/"

// world is an API with a dataset of ours, one place, and what lies there.
func world(t *testing.T) *pagetest.Site {
	t.Helper()
	d := schemas.Dataset{ID: "ds-1", Provider: us, Title: schemas.Text{"en": "Wheat"}, Revision: 7, Tables: []schemas.TableInfo{{Name: "yield"}}}
	items := func(entries ...map[string]any) map[string]any { return map[string]any{"items": entries} }
	return pagetest.New(t, schemas.Identity{Issuer: "i", Subject: "p", Participant: us, Roles: []schemas.Role{"provider"}}, map[string]any{
		"GET /datasets/ds-1": d,
		"GET /datasets/ds-1/versions": schemas.Page[schemas.VersionSummary]{Items: []schemas.VersionSummary{{Version: "v2", State: "publishing"},
			{Version: "v1", State: "published", Rows: 5}}},
		"GET /datasets/ds-1/versions/v1":          schemas.VersionSummary{Version: "v1", State: "published", Shards: 1, ShardsDone: 1, Rows: 5},
		"GET /datasets/ds-1/versions/v2":          schemas.VersionSummary{Version: "v2", State: "publishing", Shards: 4, ShardsDone: 1, Rows: 1234},
		"GET /datasets/ds-1/versions/dry-run":     schemas.VersionSummary{Version: "dry-run", State: "tried"},
		"DELETE /datasets/ds-1/versions/v1":       schemas.VersionSummary{},
		"DELETE /datasets/ds-1/versions/v2":       schemas.VersionSummary{},
		"POST /datasets/ds-1/versions":            schemas.VersionSummary{Version: "dry-run", State: "publishing"},
		"PUT /datasets/ds-1/files/data/all/a.csv": map[string]any{},
		"GET /datasets/ds-1/files": items(map[string]any{"table": "data", "split": "train", "name": "a.csv", "bytes": 7},
			map[string]any{"table": "data", "split": "test", "name": "b.csv", "bytes": 8}),
		"GET /stores": schemas.Page[schemas.Store]{Items: []schemas.Store{{ID: "local", Prefixes: []schemas.Prefix{
			{Participant: us, Bucket: "b", Prefix: "p/"}, {Participant: "https://other.example", Bucket: "b", Prefix: "secret/"}}}}},
		"GET /stores/local/objects": items(map[string]any{"key": "p/wheat/Train Set/", "folder": true}, map[string]any{"key": "p/wheat/a.csv", "bytes": 5},
			map[string]any{"key": "p/wheat/test/", "folder": true}, map[string]any{"key": "p/wheat/b\\c", "bytes": 1, "fault": "the key has a backslash"}),
	}, Part())
}

// asked is the publication that was sent last.
func asked(t *testing.T, s *pagetest.Site) (p schemas.Publication) {
	t.Helper()
	err := json.Unmarshal([]byte(s.Sent["POST /datasets/ds-1/versions"]), &p)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rowsForm is a form with these rows: place, path, table, split, as.
func rowsForm(more url.Values, rows ...[5]string) url.Values {
	f := url.Values{}
	for name, values := range more {
		f[name] = values
	}
	for _, r := range rows {
		for i, field := range rowFields() {
			f[field] = append(f[field], r[i])
		}
	}
	return f
}

// TestPublish: a publication is looked at first or begun, once; its page looks again by itself while it goes on, and what
// is published is not taken back by who gives up late.
func TestPublish(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.Shows(200, "GET /provide/ds-1/publish?path=wheat/", nil, place, `value="wheat/"`, `<option value="v1">`, `<option value="yield">`)
	form := url.Values{"key": {"K"}, "place": {place}, "path": {"wheat/"}, "version": {"v3"}, "base": {"v1"}, "do": {"send"}}
	for range 2 {
		s.Shows(303, "POST /provide/ds-1/publish/begin", form, "/provide/ds-1/versions/dry-run") // as the API says
		if p := asked(t, s); p.Version != "v3" || p.DryRun || p.Base != "v1" || s.Keys["POST /datasets/ds-1/versions"] != "form-K" {
			t.Errorf("%+v", p)
		}
	}
	s.Answers["POST /datasets/ds-1/versions"] = schemas.BadField("publication", "/version", "this cannot name a version")
	s.Hides(s.Shows(422, "POST /provide/ds-1/publish/begin", form, `id="version-wrong"`, `value="v3"`), `value="K"`)
	s.Answers["POST /datasets/ds-1/versions"] = &schemas.Error{Kind: schemas.NotFound, Message: "the store has no such bucket"}
	s.Shows(422, "POST /provide/ds-1/publish/begin", form, "the store has no such bucket")
	// A version of the name of dry runs would be in the way of all later ones.
	form.Set("version", tryName)
	n := len(s.Asked)
	s.Shows(422, "POST /provide/ds-1/publish/begin", form, `id="version-wrong"`, "another name")
	if slices.Contains(s.Asked[n:], "POST /datasets/ds-1/versions") {
		t.Error("it was begun")
	}
	s.Shows(200, "GET /provide/ds-1/versions/v2", nil, `<noscript><meta http-equiv="refresh"`, `hx-get="/provide/ds-1/versions/v2?part=progress"`,
		`max="4" value="1"`, "1,234 rows")
	s.Shows(200, "GET /provide/ds-1/versions/v2?place=x&part=progress", nil, `hx-get="/provide/ds-1/versions/v2?place=x&amp;part=progress"`)
	s.Hides(s.Shows(200, "GET /provide/ds-1/versions/v1", nil, "published"), "refresh", "hx-get")
	// Whoever publishes what a link carries on sees what it is, also where it is not what was tried.
	s.Shows(200, "GET /provide/ds-1/versions/dry-run?place="+place+"&path=other/", nil, `<code class="long">`+place+`other/</code>`)
	// Whoever mends what failed finds it in the form.
	back := follow(t, s.Shows(200, "GET /provide/ds-1/versions/dry-run?place="+place+"&path=other/&version=v7", nil), "Back to publishing")
	s.Shows(200, "GET "+back, nil, `value="other/"`, `value="v7"`)
	back = follow(t, s.Shows(200, "GET /provide/ds-1/versions/dry-run?file=data/test/b.csv", nil), "Back to publishing")
	s.Shows(200, "GET "+back, nil, `value="data/test/b.csv" checked`, `value="data/train/a.csv">`)
	for _, version := range []string{"v1", "v2"} {
		s.Shows(303, "POST /provide/ds-1/versions/"+version+"/give-up", nil, "/provide/ds-1/versions/"+version)
	}
	if slices.Contains(s.Asked, "DELETE /datasets/ds-1/versions/v1") || !slices.Contains(s.Asked, "DELETE /datasets/ds-1/versions/v2") {
		t.Errorf("%q", s.Asked)
	}
	other := s.Answers["GET /datasets/ds-1"].(schemas.Dataset)
	other.Provider = "https://other.example"
	s.Answers["GET /datasets/ds-1"] = other
	for _, page := range []string{"/publish", "/publish/browse", "/upload", "/versions/v1"} {
		s.Shows(404, "GET /provide/ds-1"+page, nil, "is not a dataset of yours")
	}
}

// TestRows: several tables and splits are one publication; rows are added and taken out by buttons that keep what was
// typed, and a fault stands at the field of its row.
func TestRows(t *testing.T) {
	t.Parallel()
	s := world(t)
	rows := [][5]string{{place, "train/", "yield", "train", ""}, {place, "img/", "photo", "", "files"}, {place, "/t/1.csv", "yield", "test", ""},
		{place, "t/2.csv", "yield", "test", ""}}
	form := rowsForm(url.Values{"key": {"K"}, "do": {"send"}, "dist": {"some"}, "distcolumns": {"yield/a, photo/b"}}, rows...)
	s.Shows(303, "POST /provide/ds-1/publish/begin", form, "/versions/")
	want := schemas.Publication{Store: "local", Bucket: "b", Distributions: []string{"yield/a", "photo/b"}, Tables: []schemas.PublicationTable{
		{Name: "yield", Splits: []schemas.PublicationSplit{{Name: "train", Prefix: "p/train/"}, {Name: "test", Keys: []string{"p/t/1.csv", "p/t/2.csv"}}}},
		{Name: "photo", Objects: true, Splits: []schemas.PublicationSplit{{Prefix: "p/img/"}}}}}
	if got := asked(t, s); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	form.Set("dist", "all")
	form.Set("do", "try")
	s.Shows(303, "POST /provide/ds-1/publish/begin", form, "/versions/dry-run?", "table=yield&table-1=photo&table-2=yield&table-3=yield", "as-1=files")
	if got := asked(t, s); !slices.Equal(got.Distributions, []string{"yield/*", "photo/*"}) || !got.DryRun {
		t.Errorf("%+v", got)
	}
	for pointer, field := range map[string]string{"/tables/0/splits/0/prefix": "path-0", "/body/tables/1/splits/0/prefix": "path-1", "/tables/1/name": "table-1",
		"/tables/0/splits/1/keys/1": "path-3", "/tables/0/splits/1/name": "split-2", "/tables/1/objects": "as-1", "/store": "place-0",
		"/tables/7/name": "", "/distributions/0": "distcolumns", "/tables/0/splits/1/keys/9": "path-2"} {
		s.Answers["POST /datasets/ds-1/versions"] = schemas.BadField("publication", pointer, "a fault")
		body := s.Shows(422, "POST /provide/ds-1/publish/begin", form, "a fault")
		if m := regexp.MustCompile(`id="([a-z0-9-]+)-wrong">`).FindStringSubmatch(body); field != "" && (m == nil || m[1] != field) || field == "" && m != nil {
			t.Errorf("%s: %q, want %q", pointer, m, field)
		}
	}
	for _, c := range []struct {
		row         [5]string
		field, word string
	}{{[5]string{"", "x", "t", "", ""}, "place-1", "say where the files are"}, {[5]string{"s3://local/other/p/", "x", "t", "", ""}, "place-1", "one store and one bucket"},
		{[5]string{place, "x", "yield", "test", "files"}, "as-1", "either rows or files"}} {
		s.Shows(422, "POST /provide/ds-1/publish/begin", rowsForm(url.Values{"do": {"send"}}, rows[0], c.row), `id="`+c.field+`-wrong">`, c.word, `value="train/"`)
	}
	form.Set("do", "add")
	s.Shows(200, "POST /provide/ds-1/publish/begin", form, "Files 5", `id="path-4" name="path" maxlength="1024" value="" autofocus`, `value="t/2.csv"`, `value="yield/a, photo/b"`)
	form.Set("do", "remove-1")
	s.Hides(s.Shows(200, "POST /provide/ds-1/publish/begin", form, "Files 3", `value="train/"`, `value="t/2.csv"`), "Files 4", `value="img/"`)
	form.Set("do", "remove-99")
	s.Shows(200, "POST /provide/ds-1/publish/begin", form, "Files 4")
	s.Hides(s.Shows(200, "POST /provide/ds-1/publish/begin", rowsForm(url.Values{"do": {"remove-0"}}, rows[0]), "Files 1"), "Files 2")
	many := url.Values{"do": {"add"}}
	for range 100 {
		many = rowsForm(many, rows[0])
	}
	s.Hides(s.Shows(200, "POST /provide/ds-1/publish/begin", many, "Files 64"), "Files 65")
	long := rowsForm(url.Values{"do": {"browse-0"}}, [5]string{place, strings.Repeat("x", 9000), "t", "", ""})
	s.Shows(422, "POST /provide/ds-1/publish/begin", long, `id="path-0-wrong">`, "too much to be taken along")
}

// TestPublications: where the files are comes to a prefix or a key.
func TestPublications(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ place, path, prefix, key string }{
		{"s3://local/spaces/agronomy/", "", "agronomy/", ""},
		{"s3://local/spaces/agronomy/", " wheat/all/ ", "agronomy/wheat/all/", ""},
		{"s3://local/spaces/agronomy/", "/wheat/a.csv", "", "agronomy/wheat/a.csv"},
	} {
		got, _, err := publication(nil, url.Values{"place": {c.place}, "path": {c.path}, "as": {"files"}})
		if err != nil {
			t.Fatal(err)
		}
		split := got.Tables[0].Splits[0]
		if got.Store != "local" || got.Bucket != "spaces" || split.Prefix != c.prefix || strings.Join(split.Keys, "") != c.key || got.Tables[0].Name != "data" ||
			!got.Tables[0].Objects {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	s := world(t)
	for _, wrong := range []string{"", "local/spaces/x", "s3://local", "s3://local/spaces"} {
		s.Shows(422, "POST /provide/ds-1/publish/begin", url.Values{"do": {"send"}, "place": {wrong}, "path": {"kept"}}, `id="place-0-wrong"`, `value="kept"`)
	}
}

// follow finds the address of the link with these words.
func follow(t *testing.T, body, words string) string {
	t.Helper()
	m := regexp.MustCompile(`href="([^"]*)"[^>]*>(?:<bdi>)?` + regexp.QuoteMeta(words)).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("there is no link %q: %s", words, body)
	}
	return html.UnescapeString(m[1])
}

// TestBrowse: from a row of the form one walks down a place by links, and takes a folder, a file, or all folders as
// splits or tables; the rest of the form goes along.
func TestBrowse(t *testing.T) {
	t.Parallel()
	s := world(t)
	form := rowsForm(url.Values{"do": {"browse-1"}, "version": {"v9"}, "key": {"K"}}, [5]string{place, "first/", "yield", "all", ""}, [5]string{place, "wheat/x.csv", "data", "", ""})
	to := s.Shows(303, "POST /provide/ds-1/publish/begin", form, "/provide/ds-1/publish/browse?", "row=1", "version=v9")
	body := s.Shows(200, "GET "+to, nil, "Train Set</bdi>/", "5\u00a0bytes", "the key has a backslash", "It has 2 folders.")
	if q := s.Query["GET /stores/local/objects"]; q != "bucket=b&limit=100&prefix=p%2Fwheat%2F" {
		t.Error(q)
	}
	s.Hides(body, "secret")
	down := follow(t, body, "Train Set")
	s.Shows(200, "GET "+down, nil)
	if q := s.Query["GET /stores/local/objects"]; !strings.Contains(q, "prefix=p%2Fwheat%2FTrain+Set%2F") {
		t.Error(q)
	}
	for words, rows := range map[string][]string{"Take the file": {"first/", "wheat/a.csv"}, "Take this whole folder": {"first/", "wheat/"},
		"as parts of one table": {"first/", "wheat/Train Set/", "wheat/test/", "train-set", "test"}, "as tables": {"wheat/Train Set/", `value="train-set" list`, `value="test" list`}} {
		form := s.Shows(200, "GET "+follow(t, body, words), nil, `value="v9"`, `value="all"`)
		for _, value := range rows {
			if !strings.Contains(form, `value="`+strings.TrimPrefix(value, `value="`)) {
				t.Errorf("%s lacks %s: %s", words, value, form)
			}
		}
	}
	s.Shows(200, "GET "+follow(t, body, "Back to the form"), nil, `value="first/"`, `value="wheat/x.csv"`)
	s.Answers["GET /stores/local/objects"] = map[string]any{"items": []map[string]any{{"key": "p/year=2026/", "folder": true}}, "next": "CURSOR"}
	body = s.Shows(200, "GET /provide/ds-1/publish/browse", nil, "year=2026")
	s.Hides(body, "as tables") // it is a column
	s.Shows(200, "GET "+follow(t, body, "More of this folder"), nil)
	if q := s.Query["GET /stores/local/objects"]; q != "bucket=b&cursor=CURSOR&limit=100&prefix=p%2F" {
		t.Error(q)
	}
	s.Answers["GET /stores/local/objects"] = &schemas.Error{Kind: schemas.Unavailable, Message: "store local at https://s3.example does not answer", Remedy: "try again"}
	s.Shows(503, "GET /provide/ds-1/publish/browse", nil, "store local at https://s3.example does not answer", "try again", "Back to the form")
	s.Answers["GET /stores/local/objects"] = schemas.Errorf(schemas.NotFound, "local", "there is no such folder")
	s.Shows(422, "GET /provide/ds-1/publish/browse?in="+place+"gone/", nil, "there is no such folder")
	s.Shows(200, "GET /provide/ds-1/publish/browse?in=s3://local/b/secret/", nil, "In which place?")
	s.Answers["GET /datasets/ds-1/files"] = map[string]any{"items": []any{}}
	s.Answers["GET /stores"] = map[string]any{"items": []any{}}
	s.Shows(200, "GET /provide/ds-1/publish", nil, "no place in a store", `href="/provide/ds-1/upload"`)
	s.Shows(200, "GET /provide/ds-1/publish/browse", nil, "no place in a store")
}

// TestAddresses: what was typed comes back from an address as it was, and each key is in it once: others the gateway refuses.
func TestAddresses(t *testing.T) {
	t.Parallel()
	form := rowsForm(url.Values{"version": {"v3"}, "file": {"a/b/c", "d/e/f"}}, [5]string{place, "", "yield", "", ""}, [5]string{place, "é &", "data", "x", "files"})
	to, fits := address("ds-1", "/publish", form, "row", "1")
	u, err := url.Parse(to)
	if err != nil || !fits {
		t.Fatal(to, err)
	}
	for name, values := range u.Query() {
		if len(values) > 1 {
			t.Errorf("%s is there %d times", name, len(values))
		}
	}
	got := fromAddress(u.Query())
	if fmt.Sprint(rowsOf(got)) != fmt.Sprint(rowsOf(form)) || !slices.Equal(got["file"], form["file"]) || got.Get("version") != "v3" || got.Get("row") != "1" {
		t.Errorf("%v from %s", got, to)
	}
	if got := fromAddress(url.Values{"path-999999999": {"x"}, "path--1": {"x"}, "path-x": {"x"}, "other-1": {"x"}}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// TestSlugs: folders give tables and splits the nearest name that they can have.
func TestSlugs(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"train": "train", "Train Set": "train-set", "_x.Y": "x.y", "é": "", strings.Repeat("a", 99): strings.Repeat("a", 64)} {
		if got := slug(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// posted is a form with a file, as browsers send it.
func posted(fields [][2]string, name, text string) (kind string, body *bytes.Buffer) {
	body = &bytes.Buffer{}
	m := multipart.NewWriter(body)
	for _, f := range fields {
		_ = m.WriteField(f[0], f[1])
	}
	w, _ := m.CreateFormFile("file", name)
	_, _ = w.Write([]byte(text))
	_ = m.Close()
	return m.FormDataContentType(), body
}

// TestUpload: a file is sent by a form for a table and a split; what is wrong stands at its field, with what was typed.
func TestUpload(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.Shows(200, "GET /provide/ds-1/upload", nil, `enctype="multipart/form-data"`, "A file has at most", `value="data/train/a.csv" checked`, `value="data/test/b.csv" checked`)
	kind, body := posted([][2]string{{"table", "data"}, {"split", " "}}, `C:\work\a.csv`, "x,y\n1,2\n")
	s.Sends(303, "/provide/ds-1/upload/send", kind, body, "/provide/ds-1/upload?sent=data%2Fall%2Fa.csv&split=all&table=data")
	if got := s.Sent["PUT /datasets/ds-1/files/data/all/a.csv"]; got != "x,y\n1,2\n" {
		t.Errorf("%q", got)
	}
	s.Answers["PUT /datasets/ds-1/files/data/all/a.csv"] = schemas.BadField("upload", "name", "the file a.csv is empty")
	kind, body = posted([][2]string{{"table", "data"}, {"split", "all"}}, "a.csv", "")
	s.Sends(422, "/provide/ds-1/upload/send", kind, body, `id="file-wrong">the file a.csv is empty`, `id="split" name="split" maxlength="64" value="all"`)
	kind, body = posted([][2]string{{"table", "data"}}, "", "")
	s.Sends(422, "/provide/ds-1/upload/send", kind, body, `id="file-wrong">choose a file`)
	kind, body = posted([][2]string{{"table", " "}}, "a.csv", "x")
	s.Sends(422, "/provide/ds-1/upload/send", kind, body, `id="table-wrong">say for which table`)
	s.Answers["GET /datasets/ds-1/files"] = &schemas.Error{Kind: schemas.Unavailable, Message: "no store has a work bucket"}
	s.Shows(503, "GET /provide/ds-1/upload", nil, "no store has a work bucket")
}

// TestPublishUploads: what was sent is published as it was sent, after a look at its report that carries it on.
func TestPublishUploads(t *testing.T) {
	t.Parallel()
	s := world(t)
	form := url.Values{"key": {"K"}, "file": {"data/train/a.csv", "data/test/b.csv", "nothing"}, "as": {""}, "do": {"try"}, "version": {"v3"}}
	to := s.Shows(303, "POST /provide/ds-1/upload/begin", form, "/provide/ds-1/versions/dry-run?")
	if p := asked(t, s); !p.Uploaded || !p.DryRun || len(p.Tables) != 1 || len(p.Tables[0].Splits) != 2 || p.Tables[0].Splits[1].Keys[0] != "b.csv" {
		t.Errorf("%+v", p)
	}
	s.Shows(200, "GET "+to, nil, `action="/provide/ds-1/upload/begin"`, `name="file" value="data/test/b.csv"`, `name="version" value="v3"`)
	s.Answers["POST /datasets/ds-1/versions"] = schemas.BadField("publication", "/tables/0/splits/0/keys/0", "there is no such file")
	s.Shows(422, "POST /provide/ds-1/upload/begin", form, `id="files-wrong">there is no such file`, `value="v3"`)
	s.Shows(422, "POST /provide/ds-1/upload/begin", url.Values{"do": {"send"}, "version": {"v3"}}, `id="files-wrong">tick the files`, `value="data/train/a.csv">`)
}

// TestFaultsOfForms: errors that a form can mend lead back to it, others do not.
func TestFaultsOfForms(t *testing.T) {
	t.Parallel()
	for kind, status := range map[schemas.Kind]int{schemas.Invalid: 422, schemas.NotFound: 422, schemas.Denied: 403, schemas.Unavailable: 503, schemas.Conflict: 409,
		schemas.Precondition: 412, schemas.Internal: 0, schemas.Unauthenticated: 0} {
		if _, got := refused(&schemas.Error{Kind: kind}); got != status {
			t.Errorf("%s: %d, want %d", kind, got, status)
		}
	}
	if e, status := owner.Asked(http.ErrBodyNotAllowed); e != nil || status != 0 {
		t.Errorf("%v, %d", e, status)
	}
}
