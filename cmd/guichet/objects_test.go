package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// objects are the files of the tests: names below a split, with their bytes.
func objects() map[string][]byte {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB: two pieces
	return map[string][]byte{
		"scans/p1/01.png":   append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), big...),
		"scans/ä b%2F?.dcm": append(append(make([]byte, 128), "DICM"...), "\x02\x00\x00\x00"...),
		"notes.txt":         {},
		"model.nc":          []byte("CDF\x01\x00\x00\x00\x00"),
	}
}

// shelved is a gateway with an S3 face that has published objects, and an agreement on them.
func shelved(t *testing.T) (g *testGateway, d schemas.DatasetID, a schemas.AgreementID) {
	t.Helper()
	g = newGatewayWith(t, "--s3-listen", ":0")
	g.populate()
	made := g.offered("Scans", "open-with-attribution")
	prefix := g.bucket + string(made.ID) + "/"
	for name, b := range objects() {
		g.putObject(prefix+name, b)
	}
	p := g.publication("v1", prefix)
	p.Tables[0].Objects = true
	g.post("agronomy", "/datasets/"+string(made.ID)+"/versions", p, nil)
	s, err := g.as("agronomy").WaitPublished(t.Context(), made.ID, "v1", nil)
	if err != nil || s.Objects != 4 {
		t.Fatalf("%+v, %v", s, err)
	}
	return g, made.ID, g.granted(made.ID)[0]
}

// putObject puts one into the rig's S3. Empty ones go as a plain PUT: minio-go sends them with a
// body in chunks, which the server does not expect.
func (g *testGateway) putObject(key string, b []byte) {
	g.t.Helper()
	c, err := minio.New(strings.TrimPrefix(g.rig.S3.Endpoint, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(g.rig.S3.AccessKey, g.rig.S3.SecretKey, ""), Region: g.rig.S3.Region})
	if err != nil {
		g.t.Fatal(err)
	}
	at, err := c.PresignedPutObject(g.t.Context(), g.rig.S3.Bucket, key, time.Minute)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPut, at.String(), bytes.NewReader(b))
	if err != nil {
		g.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		g.t.Fatal(resp, err)
	}
	resp.Body.Close()
}

// object asks for one over HTTP.
func (g *testGateway) object(token string, a schemas.AgreementID, method, name string, header map[string]string) *http.Response {
	g.t.Helper()
	f := client.File{Table: "data", Split: "all", Name: name, Object: true}
	r, err := http.NewRequest(method, g.base+"/api/v1"+f.At(a), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp
}

// TestObjectsOverHTTP: an object is found, granted, read whole and by range with its type and
// digest, recorded and charged as one row, and is no rows.
func TestObjectsOverHTTP(t *testing.T) {
	t.Parallel()
	g, d, a := shelved(t)
	var m schemas.Manifest
	l := g.lease(a)
	err := g.as("trainer").As(client.Static(l.Token)).Get(t.Context(), "/agreements/"+string(a)+"/manifest", &m)
	if err != nil || len(m.Tables) != 1 || len(m.Tables[0].Objects) != 4 || m.Tables[0].Rows != 4 || len(m.Tables[0].Shards) > 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	types := map[string]string{"scans/p1/01.png": "image/png", "scans/ä b%2F?.dcm": "application/dicom", "notes.txt": "text/plain",
		"model.nc": "application/x-netcdf"}
	for _, o := range m.Tables[0].Objects {
		want := objects()[o.Name]
		sum := sha256.Sum256(want)
		if o.MediaType != types[o.Name] || o.SHA256 != hex.EncodeToString(sum[:]) || o.Size != int64(len(want)) {
			t.Errorf("%+v", o)
		}
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			resp := g.object(l.Token, a, method, o.Name, nil)
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			whole := want
			if method == http.MethodHead {
				whole = nil
			}
			if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, whole) || resp.ContentLength != o.Size ||
				resp.Header.Get("Content-Type") != o.MediaType || resp.Header.Get("ETag") != `"`+o.SHA256+`"` ||
				!strings.HasPrefix(resp.Header.Get("Repr-Digest"), "sha-256=:") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %s, %d bytes, %v %v", method, o.Name, resp.Status, len(got), err, resp.Header)
			}
		}
	}
	png := objects()["scans/p1/01.png"]
	tag := g.object(l.Token, a, http.MethodHead, "scans/p1/01.png", nil).Header.Get("ETag")
	for name, c := range map[string]struct {
		header map[string]string
		status int
		from   int
		n      int
	}{
		"range":         {map[string]string{"Range": "bytes=100-199"}, 206, 100, 100},
		"over a piece":  {map[string]string{"Range": "bytes=4194300-4194310"}, 206, 4194300, 11},
		"end":           {map[string]string{"Range": "bytes=-5"}, 206, len(png) - 5, 5},
		"same":          {map[string]string{"Range": "bytes=0-0", "If-Range": tag}, 206, 0, 1},
		"another":       {map[string]string{"Range": "bytes=0-0", "If-Range": `"x"`}, 200, 0, len(png)},
		"not satisfied": {map[string]string{"Range": fmt.Sprintf("bytes=%d-", len(png))}, 416, 0, 0},
		"known":         {map[string]string{"If-None-Match": tag}, 304, 0, 0},
	} {
		resp := g.object(l.Token, a, http.MethodGet, "scans/p1/01.png", c.header)
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !bytes.Equal(got, png[c.from:c.from+c.n]) {
			t.Errorf("%s: %s, %d bytes, %v", name, resp.Status, len(got), err)
		}
	}
	for name, want := range map[string]int{"none.png": 404, "scans": 404, "scans/p1/01.png/": 404, "../all/notes.txt": 404} {
		resp := g.object(l.Token, a, http.MethodGet, name, nil)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	_, err = g.as("trainer").OpenStream(t.Context(), l.Token, a, nil)
	if e, ok := errors.AsType[*schemas.Error](err); !ok || e.Kind != schemas.Invalid || !strings.Contains(e.Remedy, "/objects/data/all/") {
		t.Errorf("a stream of objects: %v", err)
	}
	// It is found by its type; the record says which objects, and that each was one row.
	for _, format := range []string{"image/png", "application/dicom"} {
		eventually(t, "it is found by "+format, func() bool {
			f, err := g.as("trainer").Search(t.Context(), client.Query("format", format))
			return err == nil && slices.ContainsFunc(f.Items, func(h schemas.Hit) bool { return h.ID == d })
		})
	}
	var all []schemas.Release
	eventually(t, "the release has ended", func() bool {
		all, err = client.All[schemas.Release](t.Context(), g.as("trainer"), "/streams?state=all&agreement="+string(a))
		return err == nil && !slices.ContainsFunc(all, func(r schemas.Release) bool { return r.State == schemas.ReleaseOpen })
	})
	var rows int64
	for _, r := range all {
		rows += r.Rows
		if r.Door != "object" || r.MostRows != 4 || !strings.HasPrefix(r.Ask, "objects=") {
			t.Errorf("%+v", r)
		}
	}
	if rows < 3 || len(all) == 0 { // the empty one has no byte that could leave
		t.Errorf("%d rows in %d releases", rows, len(all))
	}
	g.verify()
}

// TestObjectsAreCut: a revocation ends an object in its middle, over both doors, and what comes
// after it is refused.
func TestObjectsAreCut(t *testing.T) {
	t.Parallel()
	g, _, a := shelved(t)
	l := g.lease(a)
	resp := g.object(l.Token, a, http.MethodGet, "scans/p1/01.png", nil)
	defer resp.Body.Close()
	_, err := io.ReadFull(resp.Body, make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	g.post("agronomy", "/agreements/"+string(a)+"/revoke", map[string]string{"reason": "a person objected"}, nil)
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil {
		t.Errorf("after a revocation it ends well, with %d bytes more", n)
	}
	after := g.object(l.Token, a, http.MethodGet, "model.nc", nil)
	after.Body.Close()
	if after.StatusCode != http.StatusForbidden {
		t.Errorf("after a revocation: %s", after.Status)
	}
}

// TestObjectsWithPlainTools: boto3 and s3fs read by range over the S3 face, curl over HTTP, and
// guichet files copies all, again only what is not there.
func TestObjectsWithPlainTools(t *testing.T) {
	t.Parallel()
	g, _, a := shelved(t)
	l := g.lease(a)
	file := filepath.Join(t.TempDir(), "want")
	err := os.WriteFile(file, objects()["scans/p1/01.png"], 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"boto3", "s3fs"} {
		cmd := exec.Command(s3Python(t), "testdata/objects.py", what)
		cmd.Env = append(os.Environ(), "ENDPOINT="+l.S3.Endpoint, "BUCKET="+string(a), "KEY=v1/data/all/scans/p1/01.png", "FILE="+file,
			"AWS_ACCESS_KEY_ID="+l.S3.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+l.S3.SecretAccessKey, "AWS_DEFAULT_REGION=us-east-1",
			"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "ok "+what) {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
	kit := exec.Command(os.Getenv("GUICHET_PYTHON"), "testdata/objects.py", "kit")
	kit.Env = append(os.Environ(), "PYTHONPATH="+installedKit(t), "BASE="+g.base, "TOKEN="+bearer(t, g, "trainer"), "ENDPOINT=", "BUCKET="+string(a),
		"KEY=v1/data/all/scans/p1/01.png", "FILE="+file)
	text, err := kit.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "ok kit") {
		t.Errorf("the kit: %v\n%s", err, text)
	}
	out, err := exec.Command("curl", "-sSf", "-H", "Authorization: Bearer "+l.Token, "-r", "128-131",
		g.base+"/api/v1/agreements/"+string(a)+"/objects/data/all/scans/%C3%A4%20b%252F%3F.dcm").CombinedOutput()
	if err != nil || string(out) != "DICM" {
		t.Errorf("curl: %q, %v", out, err)
	}
	dir := t.TempDir()
	for _, there := range []int{0, 4} {
		m := &schemas.Manifest{}
		c := g.as("trainer").As(g.as("trainer").Renewing("", a))
		err := c.Get(t.Context(), "/agreements/"+string(a)+"/manifest", m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := files.Fetch(t.Context(), &terminal.Terminal{Out: io.Discard, Err: io.Discard}, c, a, m, dir)
		if err != nil || got.Files != 4 || got.There != there {
			t.Errorf("%+v, %v; want %d there", got, err, there)
		}
		for name, want := range objects() {
			have, err := os.ReadFile(filepath.Join(dir, "data", "all", name))
			if err != nil || !bytes.Equal(have, want) {
				t.Errorf("%s: %d bytes, %v", name, len(have), err)
			}
		}
	}
}

// TestKillDuringObjects: after kill -9 of the gateway in the middle of an object the client saw
// an error, the record is closed, and the object is read again whole.
func TestKillDuringObjects(t *testing.T) {
	t.Parallel()
	g, _, a := shelved(t)
	l := g.lease(a)
	resp := g.object(l.Token, a, http.MethodGet, "scans/p1/01.png", nil)
	defer resp.Body.Close()
	_, err := io.ReadFull(resp.Body, make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	g.kill()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil {
		t.Errorf("of a gateway that was killed it ends well, with %d bytes more", n)
	}
	g.start()
	var all []schemas.Release
	all, err = client.All[schemas.Release](t.Context(), g.as("trainer"), "/streams?state=all&agreement="+string(a))
	if err != nil || len(all) != 1 || all[0].State != schemas.ReleaseUnknown || all[0].Rows < 1 || all[0].Bytes < 1000 {
		t.Errorf("%+v, %v", all, err)
	}
	again := g.object(g.lease(a).Token, a, http.MethodGet, "scans/p1/01.png", nil)
	got, err := io.ReadAll(again.Body)
	again.Body.Close()
	if err != nil || !bytes.Equal(got, objects()["scans/p1/01.png"]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	g.verify()
}
