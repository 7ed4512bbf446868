package fetch

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"time"
)

// File is an answer that is as long as it likes.
type File struct {
	URL  string // where it came from, after redirects
	Name string // as its host calls it, else the last part of its address; "" where neither says
	Type string // media type, with its parameters
	Size int64  // in bytes; -1 where it is not said
	Body io.Reader
}

// Bounds of reading a file.
const (
	fileTime = 6 * time.Hour   // in all
	fileIdle = 2 * time.Minute // without a byte
)

// Read gives what is at an address to use, piece by piece as it comes. One host gives one file at a
// time. Errors: those of Get, and those of use.
func (c *Client) Read(ctx context.Context, address string, use func(File) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, fileTime, fmt.Errorf("it took longer than %s", fileTime))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	idle := time.AfterFunc(fileIdle, func() { stop(fmt.Errorf("nothing came for %s", fileIdle)) })
	defer idle.Stop()
	_, err := c.get(ctx, Request{URL: address, use: func(f File) error {
		f.Body = &lively{f.Body, idle}
		return use(f)
	}})
	return err
}

// lively puts off the end of a reading with each piece that comes.
type lively struct {
	io.Reader
	idle *time.Timer
}

func (l *lively) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.idle.Reset(fileIdle)
	}
	return n, err
}

func fileOf(at *url.URL, resp *http.Response) File {
	f := File{URL: at.String(), Name: path.Base(at.Path), Type: resp.Header.Get("Content-Type"), Size: resp.ContentLength, Body: resp.Body}
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err == nil && params["filename"] != "" {
		f.Name = path.Base(params["filename"])
	}
	if f.Name == "." || f.Name == "/" {
		f.Name = ""
	}
	return f
}
