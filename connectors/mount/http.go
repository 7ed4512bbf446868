package mount

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"guichet/connectors/client"
)

// Served are the files of a source over HTTP, for machines that mount nothing.
type Served struct {
	// Address is where they are, with names as in a mounted folder. It is of this machine, and
	// nobody guesses it: who knows it reads the files.
	Address string

	manifest []byte
	rows     int64
	files    map[string]*served
	source   Source
	server   *http.Server
	refusals
}

// served is one file.
type served struct {
	mu sync.Mutex
	is client.File
}

// Serve serves the files of a source on this machine until Close. Errors: of the source.
func Serve(ctx context.Context, what What) (*Served, error) {
	m, err := what.Source.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	s := &Served{manifest: append(text, '\n'), files: map[string]*served{}, source: what.Source}
	s.tell = what.Tell
	for _, t := range m.Tables {
		s.rows += t.Rows
	}
	for _, f := range client.InManifest(&m) {
		s.files[path.Join(f.Table, f.Split, f.Name)] = &served{is: f}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on this machine: %w", err)
	}
	secret := "/" + rand.Text()
	s.Address = "http://" + l.Addr().String() + secret
	s.server = &http.Server{Handler: http.StripPrefix(secret, s), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with Close
	return s, nil
}

// Close ends it, also what is being read.
func (s *Served) Close() error { return s.server.Close() }

// Rows counts what is served.
func (s *Served) Rows() (rows int64, files int) { return s.rows, len(s.files) }

// ServeHTTP is for net/http. A refusal is 403, and what may pass 503.
func (s *Served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the files are read only", http.StatusMethodNotAllowed)
		return
	}
	if name == "_manifest.json" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.manifest) // who asked may be gone
		return
	}
	f := s.files[name]
	if err != nil || f == nil {
		http.Error(w, "there is no such file; _manifest.json names the tables, splits and shards", http.StatusNotFound)
		return
	}
	f.mu.Lock()
	is := f.is
	if is.Size < 0 {
		err = s.source.Stat(r.Context(), &is)
		if err == nil {
			f.is = is
		}
	}
	f.mu.Unlock()
	if err == nil {
		err = s.refused()
	}
	if err != nil {
		err = s.ended(err)
		status := http.StatusServiceUnavailable
		if refusal(err) {
			status = http.StatusForbidden
		}
		http.Error(w, text(err), status)
		return
	}
	open := func(ctx context.Context, from, n int64) (io.ReadCloser, error) {
		return s.source.Range(ctx, &is, from, n)
	}
	reader := newReader(open, is.Size, s.ended)
	defer reader.Close()
	w.Header().Set("ETag", `"`+strings.Trim(is.ETag, `"`)+`"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	at := &reading{ctx: r.Context(), reader: reader}
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(at, 0, is.Size))
	if at.failed {
		panic(http.ErrAbortHandler) // so that what was cut looks cut [decisions.md 16]
	}
}

// reading is a reader for one request.
type reading struct {
	ctx    context.Context
	reader *reader
	failed bool
}

// ReadAt is an io.ReaderAt's.
func (r *reading) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.reader.ReadAt(r.ctx, p, off)
	if err != nil {
		r.failed = true
		return n, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
