// Package python gives the trainers' Python kit as a wheel: what pip installs.
//
// In: the sources of the kit in the folder guichet, embedded. Out: one wheel, guichet-VERSION-py3-none-any.whl, the same bytes
// from the same sources, whenever and wherever it is made. Always: its metadata say what pyproject.toml says, which a test
// holds. It must not know who asks for it.
//
// A wheel is a zip with the package and four files about it [PyPA binary distribution format]:
//
//	guichet/*.py, guichet/py.typed
//	guichet-VERSION.dist-info/METADATA, WHEEL, entry_points.txt, RECORD (each file with its SHA-256)
package python

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"
)

//go:embed guichet/*.py guichet/py.typed README.md
var sources embed.FS

// Version is the kit's, as in pyproject.toml.
const Version = "0.1.0"

// Name is the wheel's file.
const Name = "guichet-" + Version + "-py3-none-any.whl"

// metadata are the heads of METADATA; README.md follows them.
const metadata = `Metadata-Version: 2.4
Name: guichet
Version: ` + Version + `
Summary: Governed training data as Arrow record batches, from a Guichet gateway
License-Expression: Apache-2.0
Requires-Python: >=3.10
Description-Content-Type: text/markdown
Requires-Dist: pyarrow>=16
Provides-Extra: torch
Requires-Dist: torch>=2.3; extra == "torch"
Requires-Dist: numpy; extra == "torch"
Provides-Extra: fsspec
Requires-Dist: fsspec; extra == "fsspec"
Provides-Extra: ray
Requires-Dist: ray[data]>=2.40; extra == "ray"

`

const (
	wheel = `Wheel-Version: 1.0
Generator: guichet (` + Version + `)
Root-Is-Purelib: true
Tag: py3-none-any
`
	entryPoints = `[fsspec.specs]
guichet = guichet.fsspec:GuichetFileSystem
`
)

// Wheel is the kit as one file. It is made once.
func Wheel() ([]byte, error) { return made() }

var made = sync.OnceValues(func() ([]byte, error) {
	names, err := fs.Glob(sources, "guichet/*")
	if err != nil {
		return nil, fmt.Errorf("find the sources of the Python kit: %w", err)
	}
	p := packer{}
	p.zip = zip.NewWriter(&p.out)
	for _, name := range names { // in their order
		b, err := sources.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a source of the Python kit: %w", err)
		}
		p.add(name, b)
	}
	about := "guichet-" + Version + ".dist-info/"
	readme, err := sources.ReadFile("README.md")
	if err != nil {
		return nil, fmt.Errorf("read what the Python kit says of itself: %w", err)
	}
	p.add(about+"METADATA", append([]byte(metadata), readme...))
	p.add(about+"WHEEL", []byte(wheel))
	p.add(about+"entry_points.txt", []byte(entryPoints))
	record := about + "RECORD"
	p.write(record, []byte(p.record.String()+record+",,\n"))
	if p.err == nil {
		p.err = p.zip.Close()
	}
	if p.err != nil {
		return nil, fmt.Errorf("make the wheel of the Python kit: %w", p.err)
	}
	return p.out.Bytes(), nil
})

// packer puts files into a zip, and keeps what RECORD says of them.
type packer struct {
	out    bytes.Buffer
	zip    *zip.Writer
	record strings.Builder
	err    error // the first
}

// add writes a file and its line: name, digest, bytes.
func (p *packer) add(name string, b []byte) {
	sum := sha256.Sum256(b)
	fmt.Fprintf(&p.record, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(b))
	p.write(name, b)
}

// write puts a file in, without the time at which it was made.
func (p *packer) write(name string, b []byte) {
	if p.err != nil {
		return
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.SetMode(0o644)
	w, err := p.zip.CreateHeader(h)
	if err == nil {
		_, err = w.Write(b)
	}
	p.err = err
}
