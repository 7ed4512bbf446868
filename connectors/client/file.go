package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"guichet/schemas"
)

// Renewing gives tokens of leases on an agreement, a new lease a minute before the last one ends.
// Safe for concurrent use.
func (c *Client) Renewing(run schemas.RunID, agreement schemas.AgreementID) TokenSource {
	return c.renewing(schemas.LeaseAsk{Run: run, Items: []schemas.LeaseItem{{Agreement: agreement}}})
}

// renewing is Renewing for any lease.
func (c *Client) renewing(ask schemas.LeaseAsk) TokenSource {
	var mu sync.Mutex
	var l schemas.LeaseAnswer
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked := time.Now()
		if time.Until(l.Until) > time.Minute {
			return l.Token, nil
		}
		var next schemas.LeaseAnswer
		err := c.Post(ctx, "/leases", ask, &next)
		if err != nil && time.Until(l.Until) > 0 && schemas.KindOf(err) == schemas.Unavailable {
			return l.Token, nil // while the gateway is away the old one is as good
		}
		if err == nil {
			l = next
			if most := asked.Add(15 * time.Minute); l.Until.After(most) { // by a clock that is ahead of ours
				l.Until = most
			}
		}
		return l.Token, err
	}
}

// File is a shard of an agreement as an Arrow IPC file, or an object, which is given as it is.
type File struct {
	Table, Split string
	Name         string // 0.arrow, 1.arrow, …; an object's own
	Object       bool
	Version      schemas.VersionID
	Columns      string // separated by commas; all when empty
	Size         int64
	ETag         string
}

// At is where the file is, below the API's root.
func (f *File) At(id schemas.AgreementID) string {
	if f.Object {
		parts := strings.Split(f.Name, "/")
		for i := range parts {
			parts[i] = url.PathEscape(parts[i])
		}
		folder := "/agreements/" + string(id) + "/objects/" + url.PathEscape(f.Table) + "/" + url.PathEscape(f.Split) + "/"
		return folder + strings.Join(parts, "/") + Query("version", string(f.Version))
	}
	return "/agreements/" + string(id) + "/tables/" + url.PathEscape(f.Table) + "/" + url.PathEscape(f.Split) + "/" + f.Name +
		Query("version", string(f.Version), "columns", f.Columns)
}

// Stat fills in size and ETag. Where a HEAD does not say them, the first byte is asked for: a file
// whose rows are counted while it is made has a size only then, and a refusal says why.
func (c *Client) Stat(ctx context.Context, id schemas.AgreementID, f *File) error {
	resp, err := c.send(ctx, http.MethodHead, f.At(id), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil && resp.ContentLength >= 0 {
		f.ETag, f.Size = resp.Header.Get("ETag"), resp.ContentLength
		return nil
	}
	resp, err = c.send(ctx, http.MethodGet, f.At(id), nil, func(r *http.Request) { r.Header.Set("Range", "bytes=0-0") })
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f.ETag = resp.Header.Get("ETag")
	_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
	_, err = fmt.Sscan(total, &f.Size)
	if err != nil {
		return fmt.Errorf("read the size of %s: %w", f.Name, err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// Range opens n bytes of a file from from on, of the very file that Stat saw. Read it to its end,
// which is an error where fewer came.
func (c *Client) Range(ctx context.Context, id schemas.AgreementID, f *File, from, n int64) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodGet, f.At(id), nil, func(r *http.Request) {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+n-1))
		r.Header.Set("If-Match", f.ETag)
	})
	if err != nil {
		return nil, err
	}
	want := fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, f.Size)
	if resp.StatusCode != http.StatusPartialContent || resp.Header.Get("Content-Range") != want {
		_ = resp.Body.Close()
		return nil, schemas.Errorf(schemas.Unavailable, f.Name, "the gateway answered %s, %q where %q was asked for",
			resp.Status, resp.Header.Get("Content-Range"), want)
	}
	return resp.Body, nil
}

// ObjectOf is an object of a manifest, of which size and ETag are known.
func ObjectOf(m *schemas.Manifest, in *schemas.ManifestSplit, o *schemas.ManifestObject) File {
	return File{Table: in.Table, Split: in.Split, Name: o.Name, Object: true, Version: m.Version, Size: o.Size, ETag: `"` + o.SHA256 + `"`}
}

// Copy writes all of an object to w. Errors: of the gateway, of w; Unavailable where what came is
// not what the manifest says.
func (c *Client) Copy(ctx context.Context, id schemas.AgreementID, f *File, w io.Writer) error {
	sum := sha256.New()
	n, err := c.Download(ctx, f.At(id), io.MultiWriter(w, sum))
	if got := `"` + hex.EncodeToString(sum.Sum(nil)) + `"`; err == nil && (n != f.Size || got != f.ETag) {
		err = schemas.Errorf(schemas.Unavailable, f.Name, "%d bytes of %s came, which are not those that were published", n, f.Name)
	}
	return err
}
