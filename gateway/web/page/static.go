package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip"
)

//go:embed static/*
var files embed.FS

// file is one that pages name, as it is sent.
type file struct {
	kind, tag     string
	plain, packed []byte
}

// static reads the files that pages name, and packs them once.
func static(p *packer) (map[string]file, error) {
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		return nil, fmt.Errorf("find the files of pages: %w", err)
	}
	out := map[string]file{}
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a file of pages: %w", err)
		}
		sum := sha256.Sum256(b)
		out[path.Base(name)] = file{mime.TypeByExtension(path.Ext(name)), `"` + hex.EncodeToString(sum[:8]) + `"`, b, p.pack(b)}
	}
	return out, nil
}

// packer keeps the writers that nobody uses now: a new one takes a megabyte, which is more work than a page is.
type packer struct{ writers sync.Pool }

// pack compresses with gzip.
func (p *packer) pack(b []byte) []byte {
	var out bytes.Buffer
	z, is := p.writers.Get().(*gzip.Writer)
	if !is {
		z = gzip.NewWriter(&out)
	}
	z.Reset(&out)
	_, _ = z.Write(b) // to memory
	_ = z.Close()
	p.writers.Put(z)
	return out.Bytes()
}

// unpacks says whether a browser reads gzip [RFC 9110 §12.5.3].
func unpacks(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			q, said := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			return !said || strings.Trim(q, "0.") != ""
		}
	}
	return false
}

// serveFile gives a file that pages name. It is read anew when it changed.
func (s *Site) serveFile(c *gin.Context) {
	f, is := s.files[c.Param("name")]
	if !is {
		c.Status(http.StatusNotFound)
		return
	}
	h := c.Writer.Header()
	h.Set("ETag", f.tag)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Vary", "Accept-Encoding")
	switch {
	case c.GetHeader("If-None-Match") == f.tag:
		c.Status(http.StatusNotModified)
	case unpacks(c.Request):
		h.Set("Content-Encoding", "gzip")
		c.Data(http.StatusOK, f.kind, f.packed)
	default:
		c.Data(http.StatusOK, f.kind, f.plain)
	}
}
