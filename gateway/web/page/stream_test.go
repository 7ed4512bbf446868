package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/schemas"
)

// soon is how long a short form may take.
const soon = 200 * time.Millisecond

// taking is a site whose one form takes files; take is what it does with them. Who sends is named by a header.
func taking(t *testing.T, take func(v *Visit) error) *httptest.Server {
	t.Helper()
	gin.SetMode(gin.TestMode)
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(schemas.Identity{Issuer: "i", Subject: r.Header.Get("Authorization"), Participant: "https://p.example"})
	})
	s, err := New(Config{API: api, Log: slog.New(slog.DiscardHandler), Token: func(_ http.ResponseWriter, r *http.Request) (string, bool, error) {
		return r.Header.Get("Who"), r.Header.Get("Who") != "", nil
	}}, Part{Templates: fstest.MapFS{}, Streams: map[string]func(v *Visit) error{"/take/:id/send": take}})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	s.Mount(r.Group("/", func(c *gin.Context) { // as the gateway does with every form
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(soon))
	}))
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return srv
}

// sends sends a form; heads are further ones, in pairs.
func sends(t *testing.T, srv *httptest.Server, kind string, body io.Reader, length int64, heads ...string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/take/x/send", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Who", "paul")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(heads); i += 2 {
		r.Header.Set(heads[i], heads[i+1])
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// filled is a form with fields, a file after them, and parts after the file.
func filled(fields [][2]string, name, text string, after ...[2]string) (kind string, body *bytes.Buffer) {
	body = &bytes.Buffer{}
	m := multipart.NewWriter(body)
	for _, f := range fields {
		_ = m.WriteField(f[0], f[1])
	}
	w, _ := m.CreateFormFile("file", name)
	_, _ = w.Write([]byte(text))
	for _, f := range after {
		_ = m.WriteField(f[0], f[1])
	}
	_ = m.Close()
	return m.FormDataContentType(), body
}

// TestSent: of a form with a large file the fields are read, and how long the file is is known before it comes.
func TestSent(t *testing.T) {
	t.Parallel()
	type got struct {
		name, text, table, id string
		size                  int64
	}
	var took []got
	srv := taking(t, func(v *Visit) error {
		b, err := io.ReadAll(v.Sent)
		took = append(took, got{v.Sent.Called(), string(b), v.R.PostForm.Get("table"), v.ID, v.Sent.Size})
		fmt.Fprint(v.W, "taken")
		return err
	})
	for _, text := range []string{"", "x", "a,b\r\n1,2\r\n", "\r\n--", "----", strings.Repeat("0123456789abcdef", 300_000)} {
		for _, table := range []string{"yield", "--x\r\n\r\n", `\u{200D}`, strings.Repeat("y", 5000)} {
			took = nil
			kind, body := filled([][2]string{{"table", table}, {"other", ""}}, `C:\data\file.csv`, text)
			status, said := sends(t, srv, kind, body, int64(body.Len()))
			if table == `\u{200D}` {
				table = "\u200d"
			}
			if want := (got{"file.csv", text, table, "x", int64(len(text))}); status != 200 || said != "taken" || !slices.Equal(took, []got{want}) {
				t.Errorf("%.20q in %.20q: %d, %d taken", text, table, status, len(took))
			}
		}
	}
}

// TestSentIsRefused: what is no form of ours with one file at its end, or is too large, is refused before the file is read;
// what comes from elsewhere or from strangers is not read at all.
func TestSentIsRefused(t *testing.T) {
	t.Parallel()
	took := 0
	srv := taking(t, func(v *Visit) error {
		took++
		n, err := io.Copy(io.Discard, v.Sent)
		if err == nil && n != v.Sent.Size {
			err = schemas.BadField("upload", "name", "%d of %d bytes", n, v.Sent.Size)
		}
		return err
	})
	kind, body := filled([][2]string{{"table", "yield"}}, "a.csv", "x")
	whole := body.String()
	none := &bytes.Buffer{}
	m := multipart.NewWriter(none)
	_ = m.WriteField("table", "yield")
	_ = m.Close()
	long, longBody := filled([][2]string{{"table", strings.Repeat("x", 3*maxForm)}}, "a.csv", "x")
	for name, c := range map[string]struct {
		kind, body string
		length     int64
		heads      []string
		status     int
		word       string
	}{
		"from elsewhere":   {kind, whole, 0, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		"a stranger":       {kind, whole, 0, []string{"Who", ""}, 401, ""},
		"no form":          {"application/json", "{}", 0, nil, 422, "none with a file"},
		"no boundary":      {"multipart/form-data", whole, 0, nil, 422, "none with a file"},
		"of no length":     {kind, whole, -1, nil, 422, "does not say how long"},
		"without a file":   {m.FormDataContentType(), none.String(), 0, nil, 422, "holds no file"},
		"broken off":       {kind, whole[:20], 0, nil, 422, "holds no file"},
		"another boundary": {"multipart/form-data; boundary=other", whole, 0, nil, 422, "holds no file"},
		"long before":      {long, longBody.String(), 0, nil, 422, "too"},
	} {
		length := c.length
		if length == 0 {
			length = int64(len(c.body))
		}
		status, said := sends(t, srv, c.kind, strings.NewReader(c.body), length, c.heads...)
		if status != c.status || !strings.Contains(said, c.word) {
			t.Errorf("%s: %d, want %d: %s", name, status, c.status, said)
		}
	}
	if took != 0 {
		t.Errorf("%d were taken", took)
	}
	after, body := filled(nil, "a.csv", "x", [2]string{"later", "a field"})
	if status, said := sends(t, srv, after, body, int64(body.Len())); status != 422 || !strings.Contains(said, "1 of ") {
		t.Errorf("a field after the file: %d %s", status, said)
	}
}

// TestRefusedIsToldWhy: who sends a large file that is refused at once sees why, not a broken connection.
func TestRefusedIsToldWhy(t *testing.T) {
	t.Parallel()
	srv := taking(t, func(*Visit) error { return schemas.BadField("upload", "table", "there is no such table") })
	for range 3 {
		kind, body := filled(nil, "a.csv", strings.Repeat("x", 8<<20))
		if status, said := sends(t, srv, kind, body, int64(body.Len())); status != 422 || !strings.Contains(said, "no such table") {
			t.Errorf("%d %s", status, said)
		}
	}
}

// TestLargeFilesTakeTurns: of one person one file comes at a time, of all as many as there are turns, and a slot of other
// forms with files is held by each.
func TestLargeFilesTakeTurns(t *testing.T) {
	t.Parallel()
	came, hold := make(chan string), make(chan struct{})
	srv := taking(t, func(v *Visit) error {
		came <- v.Me.Subject
		<-hold
		return nil
	})
	done := make(chan int)
	send := func(who string) {
		kind, body := filled(nil, "a.csv", "x")
		go func() {
			status, _ := sends(t, srv, kind, body, int64(body.Len()), "Who", who)
			done <- status
		}()
	}
	for i := range mostStreams {
		send(fmt.Sprint("person ", i))
		<-came
	}
	ctx, end := t.Context(), make(chan struct{})
	go func() { // one more waits until somebody is through
		defer close(end)
		select {
		case <-came:
		case <-ctx.Done():
		}
	}()
	send("person 0")
	select {
	case <-end:
		t.Error("two at once of one person, and more than there are turns")
	default:
	}
	close(hold)
	for range mostStreams + 1 {
		if status := <-done; status != 200 {
			t.Errorf("%d", status)
		}
	}
	<-end
}

// TestSlowFiles: a file may take its time: that of a short form is not its own.
func TestSlowFiles(t *testing.T) {
	t.Parallel()
	var took int64
	srv := taking(t, func(v *Visit) (err error) {
		took, err = io.Copy(io.Discard, v.Sent)
		return err
	})
	kind, body := filled(nil, "a.csv", strings.Repeat("x", 100_000))
	text := body.String()
	r, w := io.Pipe()
	go func() {
		for _, part := range []string{text[:100], text[100:5000], text[5000:]} {
			time.Sleep(3 * soon)
			_, _ = io.WriteString(w, part)
		}
		w.Close()
	}()
	if status, said := sends(t, srv, kind, r, int64(len(text))); status != 200 || took != 100_000 {
		t.Errorf("%d, %d bytes: %s", status, took, said)
	}
}

// TestBegin: where the file begins is found by the marks of lines alone.
func TestBegin(t *testing.T) {
	t.Parallel()
	form := "--B\r\nh: 1\r\n\r\nv --B\r\n\r\n--B\r\nh: 2\r\n\r\nfile"
	if got := begin([]byte(form), "B", 2); got != strings.Index(form, "file") {
		t.Errorf("%d", got)
	}
	for _, broken := range []string{"", "x", "--B\r\n", "--B\r\nh: 1\r\n\r\n x--B\r\nh\r\n\r\n"} {
		if got := begin([]byte(broken), "B", 2); got != -1 {
			t.Errorf("%q: %d", broken, got)
		}
	}
}
