package client

import (
	"context"
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
	var mu sync.Mutex
	var l schemas.LeaseAnswer
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked := time.Now()
		if time.Until(l.Until) > time.Minute {
			return l.Token, nil
		}
		next, err := c.Lease(ctx, run, agreement)
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

// File is a shard of an agreement as an Arrow IPC file.
type File struct {
	Table, Split string
	Name         string // 0.arrow, 1.arrow, …
	Version      schemas.VersionID
	Columns      string // separated by commas; all when empty
	Size         int64
	ETag         string
}

// at is where the file is, below the API's root.
func (f *File) at(id schemas.AgreementID) string {
	return "/agreements/" + string(id) + "/tables/" + url.PathEscape(f.Table) + "/" + url.PathEscape(f.Split) + "/" + f.Name +
		Query("version", string(f.Version), "columns", f.Columns)
}

// Stat fills in size and ETag. Where a HEAD does not say them, the first byte is asked for: a file
// whose rows are counted while it is made has a size only then, and a refusal says why.
func (c *Client) Stat(ctx context.Context, id schemas.AgreementID, f *File) error {
	resp, err := c.send(ctx, http.MethodHead, f.at(id), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil && resp.ContentLength >= 0 {
		f.ETag, f.Size = resp.Header.Get("ETag"), resp.ContentLength
		return nil
	}
	resp, err = c.send(ctx, http.MethodGet, f.at(id), nil, func(r *http.Request) { r.Header.Set("Range", "bytes=0-0") })
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
	resp, err := c.send(ctx, http.MethodGet, f.at(id), nil, func(r *http.Request) {
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
