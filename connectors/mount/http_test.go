package mount

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"guichet/schemas"
)

// ask gets a file of a served source.
func ask(t *testing.T, method, address string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return &http.Response{}, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// Files are served whole and by range under an address that nobody guesses, and nothing else is.
func TestServe(t *testing.T) {
	t.Parallel()
	s, what := newSite(t)
	served, err := Serve(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	if rows, files := served.Rows(); rows != 10 || files != 4 {
		t.Errorf("%d rows in %d files", rows, files)
	}
	for name, want := range s.files {
		resp, b, err := ask(t, "GET", served.Address+"/"+name)
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(b, want) || resp.ContentLength != int64(len(want)) {
			t.Errorf("%s: %s, %d bytes, %v", name, resp.Status, len(b), err)
		}
		for header, part := range map[string][2]int{"bytes=0-9": {0, 10}, "bytes=100000-250000": {100_000, 250_001}, "bytes=-7": {len(want) - 7, len(want)}} {
			resp, b, err := ask(t, "GET", served.Address+"/"+name, "Range", header, "If-Range", resp.Header.Get("ETag"))
			if err != nil || resp.StatusCode != http.StatusPartialContent || !bytes.Equal(b, want[part[0]:part[1]]) {
				t.Errorf("%s of %s: %s, %d bytes, %v", header, name, resp.Status, len(b), err)
			}
		}
		resp, b, err = ask(t, "HEAD", served.Address+"/"+name)
		if err != nil || resp.ContentLength != int64(len(want)) || len(b) != 0 {
			t.Errorf("HEAD of %s: %d bytes, %v", name, resp.ContentLength, err)
		}
	}
	_, b, err := ask(t, "GET", served.Address+"/_manifest.json")
	if err != nil || !strings.Contains(string(b), `"agr-a"`) {
		t.Errorf("the manifest: %s, %v", b, err)
	}
	base := served.Address[:strings.LastIndex(served.Address, "/")]
	for address, status := range map[string]int{
		"GET " + base + "/fields/train/0.arrow": 404, "GET " + base + "/": 404, "GET " + served.Address + "/": 404, "GET " + served.Address + "/fields": 404,
		"GET " + served.Address + "/../fields/train/0.arrow": 404, "GET " + served.Address + "/fields/train/%2e%2e/train/0.arrow": 404,
		"POST " + served.Address + "/fields/train/0.arrow": 405, "PUT " + served.Address + "/x": 405,
	} {
		method, address, _ := strings.Cut(address, " ")
		resp, b, err := ask(t, method, address)
		if err != nil || resp.StatusCode != status || len(b) > 200 {
			t.Errorf("%s %s: %s, %d bytes, %v", method, address, resp.Status, len(b), err)
		}
	}
	if !strings.HasPrefix(base, "http://127.0.0.1:") || len(served.Address)-len(base) < 26 {
		t.Errorf("it is served at %s", served.Address)
	}
}

// What is refused in the middle breaks off, is told once, and is 403 from then on.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	s, what := newSite(t)
	var said []string
	what.Tell = func(text string) { said = append(said, text) }
	served, err := Serve(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	at := served.Address + "/fields/train/0.arrow"
	_, _, err = ask(t, "HEAD", at) // its size is known
	if err != nil {
		t.Fatal(err)
	}
	s.set(func() {
		s.refuse = &schemas.Problem{Type: "urn:guichet:problem:denied", Status: 403, Detail: "a person objected"}
	})
	resp, b, err := ask(t, "GET", at)
	if err == nil && resp.StatusCode != http.StatusForbidden { // to a connection that breaks off before an answer comes clients ask again
		t.Errorf("it ends well: %s, %d bytes", resp.Status, len(b))
	}
	for range 2 {
		resp, b, err = ask(t, "GET", at)
		if err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(string(b), "a person objected") {
			t.Errorf("after a refusal: %s, %s, %v", resp.Status, b, err)
		}
	}
	if fmt.Sprint(said) != "[a person objected]" {
		t.Errorf("it was told %q", said)
	}
}
