package s3

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"guichet/schemas"
)

// Entry is what a listing of a folder has: an object of its own, or a folder below it.
type Entry struct {
	Key      string // a folder's ends with a slash
	Folder   bool
	Size     int64     // bytes; 0 of a folder
	Modified time.Time // zero where the store does not say it
}

// Look says what of a bucket is listed.
type Look struct {
	Bucket string
	Prefix string // ends with a slash, or is empty
	After  string // the last key of the page before; "" for the first page
	Deep   bool   // all objects below, and no folders
	Most   int    // entries of the page
}

// lookTime is how long a page of a listing may take.
const lookTime = 15 * time.Second

// listed is what a store answered to one question.
type listed struct {
	minio.ListBucketV2Result
	err error
}

// Look gives a page of what lies directly in a folder, in the order of keys, and whether there is more after it. An object
// that a tool made to stand for the folder itself is left out. Errors: as of List.
func (s *Store) Look(ctx context.Context, l Look) (out []Entry, more bool, err error) {
	within, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	delimiter := "/"
	if l.Deep {
		delimiter = ""
	}
	answered := make(chan listed, 1) // the library's page knows no context; transport bounds what goes on when nobody waits
	go func() {
		page, err := s.core.ListObjectsV2(l.Bucket, l.Prefix, l.After, "", delimiter, l.Most+2) // After again, and one more
		answered <- listed{page, err}
	}()
	var page listed
	select {
	case page = <-answered:
	case <-within.Done():
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		return nil, false, &schemas.Error{
			Kind: schemas.Unavailable, Subject: string(s.id),
			Message: fmt.Sprintf("store %s did not answer in %d seconds", s.id, lookTime/time.Second),
			Remedy:  "try again in a moment; if it stays so the operator looks at the store",
		}
	}
	if page.err != nil {
		return nil, false, s.explain(page.err, l.Bucket, l.Prefix)
	}
	for _, o := range page.Contents {
		out = append(out, Entry{Key: o.Key, Size: o.Size, Modified: o.LastModified})
	}
	for _, p := range page.CommonPrefixes {
		out = append(out, Entry{Key: p.Prefix, Folder: true})
	}
	if slices.ContainsFunc(out, func(e Entry) bool { return !strings.HasPrefix(e.Key, l.Prefix) }) {
		return nil, false, s.explain(Endless, l.Bucket, l.Prefix)
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	out = slices.DeleteFunc(out, func(e Entry) bool { return e.Key <= l.After || e.Key == l.Prefix })
	if page.IsTruncated && len(out) == 0 { // else one would turn the same page for ever
		return nil, false, s.explain(Endless, l.Bucket, l.Prefix)
	}
	more = page.IsTruncated || len(out) > l.Most
	return out[:min(len(out), l.Most)], more, nil
}
