package s3face

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"pgregory.net/rapid"

	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// read gives an object, once the rows of a filter are counted.
func (l *lab) read(t *testing.T, key schemas.LeaseID, target string) answered {
	t.Helper()
	var a answered
	streamtest.Eventually(t, func() bool {
		a = l.ask(t, key, http.MethodGet, target, nil)
		return a.StatusCode != http.StatusServiceUnavailable
	})
	if a.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s", target, a.Status, a.body)
	}
	return a
}

// Under every kind of view: the size that a list and a HEAD say, before any byte is made, is that
// of the bytes; ETag and Last-Modified are the same in all three; and the bytes are a file with the
// rows that the view shows.
func TestSizesAreThoseOfTheBytes(t *testing.T) {
	l := newLab(t, time.Now)
	for i, c := range []struct {
		name   string
		duties []schemas.Duty
		rows   []int64
		reads  bool // of the store, to know a size
	}{
		{"raw", nil, []int64{300, 200, 10}, false},
		{"hidden", []schemas.Duty{streamtest.Hide("pad")}, []int64{300, 200, 10}, false},
		{"filtered", []schemas.Duty{streamtest.Filter("n", "lt", "350")}, []int64{300, 50}, true},
		{"pseudonymised", []schemas.Duty{streamtest.Pseudonymise("pad")}, []int64{300, 200, 10}, true},
		{"generalised", []schemas.Duty{{Kind: schemas.DutyGeneralise, Columns: []string{"n"}, To: "10"}}, []int64{300, 200, 10}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := l.agreed(t, schemas.DatasetID(fmt.Sprintf("ds-%d", i%3)), c.duties...)
			key := l.leased(t, schemas.LeaseAsk{}, id)
			before := l.Gets.Load()
			var found answered
			streamtest.Eventually(t, func() bool {
				found = l.ask(t, key, http.MethodGet, "/"+string(id)+"?list-type=2", nil)
				return found.StatusCode != http.StatusServiceUnavailable
			})
			got := l.list(t, key, "/"+string(id)+"?list-type=2")
			if len(got.Contents) != len(c.rows) {
				t.Fatalf("%d objects are listed, want %d", len(got.Contents), len(c.rows))
			}
			heads := make([]answered, len(c.rows))
			for n, o := range got.Contents {
				heads[n] = l.ask(t, key, http.MethodHead, "/"+string(id)+"/"+o.Key, nil)
			}
			if reads := l.Gets.Load() > before; reads != c.reads {
				t.Errorf("the store was read for sizes: %t, want %t", reads, c.reads)
			}
			for n, o := range got.Contents {
				if want := fmt.Sprintf("v1/t/all/%05d.arrow", n); o.Key != want {
					t.Errorf("key %s, want %s", o.Key, want)
				}
				a, head := l.read(t, key, "/"+string(id)+"/"+o.Key), heads[n]
				if o.Size != int64(len(a.body)) || head.ContentLength != o.Size || head.StatusCode != http.StatusOK {
					t.Errorf("%s: listed with %d, HEAD says %d, GET gives %d", o.Key, o.Size, head.ContentLength, len(a.body))
				}
				if o.ETag != a.Header.Get("ETag") || head.Header.Get("ETag") != o.ETag || regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(o.ETag) {
					t.Errorf("ETags: list %s, HEAD %s, GET %s", o.ETag, head.Header.Get("ETag"), a.Header.Get("ETag"))
				}
				if o.LastModified != "2026-11-01T10:00:00.000Z" || a.Header.Get("Last-Modified") != "Sun, 01 Nov 2026 10:00:00 GMT" ||
					head.Header.Get("Last-Modified") != a.Header.Get("Last-Modified") {
					t.Errorf("modified: list %s, HEAD %s, GET %s", o.LastModified, head.Header.Get("Last-Modified"), a.Header.Get("Last-Modified"))
				}
				f, err := arrowipc.NewFileReader(bytes.NewReader(a.body))
				streamtest.Must(t, err)
				var rows int64
				for i := range f.NumRecords() {
					rec, err := f.RecordAt(i)
					streamtest.Must(t, err)
					rows += rec.NumRows()
				}
				if rows != c.rows[n] {
					t.Errorf("%s has %d rows, want %d", o.Key, rows, c.rows[n])
				}
			}
		})
	}
}

// Any range is answered with its bytes and the true size, however it is said; none is redirected
// or widened.
func TestRanges(t *testing.T) {
	l := newLab(t, time.Now)
	id := l.agreed(t, "ds-0")
	key := l.leased(t, schemas.LeaseAsk{}, id)
	target := "/" + string(id) + "/v1/t/all/00001.arrow"
	whole := l.read(t, key, target).body
	size := int64(len(whole))
	rapid.Check(t, func(r *rapid.T) {
		at := rapid.OneOf(rapid.Int64Range(0, size+20), rapid.SampledFrom([]int64{0, size - 1, size, 1 << 62}))
		from, to := at.Draw(r, "from"), at.Draw(r, "to")
		spec, want, status := "", []byte(nil), http.StatusPartialContent
		switch rapid.IntRange(0, 2).Draw(r, "form") {
		case 0:
			spec, status = fmt.Sprintf("bytes=%d-%d", from, max(from, to)), http.StatusPartialContent
			want = whole[min(from, size) : min(max(from, to), size-1, 1<<61)+1]
			if from >= size {
				want = nil
			}
		case 1:
			spec, want = fmt.Sprintf("bytes=%d-", from), whole[min(from, size):]
		case 2:
			spec, want = fmt.Sprintf("bytes=-%d", from), whole[size-min(from, size):]
		}
		if len(want) == 0 {
			status = http.StatusRequestedRangeNotSatisfiable
		}
		a := l.ask(t, key, http.MethodGet, target, http.Header{"Range": {spec}})
		head := l.ask(t, key, http.MethodHead, target, http.Header{"Range": {spec}})
		if a.StatusCode != status || head.StatusCode != status {
			r.Fatalf("%s: GET %s, HEAD %s, want %d", spec, a.Status, head.Status, status)
		}
		if status == http.StatusPartialContent && !bytes.Equal(a.body, want) {
			r.Errorf("%s: %d bytes, want %d", spec, len(a.body), len(want))
		}
		if !strings.HasSuffix(a.Header.Get("Content-Range"), fmt.Sprintf("/%d", size)) || head.Header.Get("Content-Range") != a.Header.Get("Content-Range") {
			r.Errorf("%s: Content-Range %q", spec, a.Header.Get("Content-Range"))
		}
	})
}

// Conditions hold as S3's: other bytes are 412, the same ones 304, with or without quotes.
func TestConditions(t *testing.T) {
	l := newLab(t, time.Now)
	id := l.agreed(t, "ds-0")
	key := l.leased(t, schemas.LeaseAsk{}, id)
	target := "/" + string(id) + "/v1/t/all/00002.arrow"
	tag := l.ask(t, key, http.MethodHead, target, nil).Header.Get("ETag")
	for _, c := range []struct {
		name, value string
		status      int
	}{
		{"If-Match", tag, 200},
		{"If-Match", strings.Trim(tag, `"`), 200},
		{"If-Match", "*", 200},
		{"If-Match", "", 200}, // s3fs, where a server has no ETag
		{"If-Match", `"other"`, 412},
		{"If-Match", "W/" + tag, 412},
		{"If-None-Match", tag, 304},
		{"If-None-Match", strings.Trim(tag, `"`), 304},
		{"If-None-Match", `"other"`, 200},
		{"If-Modified-Since", "Sun, 01 Nov 2026 10:00:00 GMT", 304},
		{"If-Modified-Since", "Sun, 01 Nov 2026 09:59:59 GMT", 200},
		{"If-Unmodified-Since", "Sun, 01 Nov 2026 09:59:59 GMT", 412},
		{"If-Unmodified-Since", "Sun, 01 Nov 2026 10:00:00 GMT", 200},
		{"If-Modified-Since", "yesterday", 200},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := l.ask(t, key, method, target, http.Header{c.name: {c.value}})
			if a.StatusCode != c.status {
				t.Errorf("%s with %s: %q: %s, want %d", method, c.name, c.value, a.Status, c.status)
			}
			if code := ""; a.StatusCode == 412 && method == http.MethodGet {
				if code, _ = a.code(t); code != "PreconditionFailed" {
					t.Errorf("the code is %q", code)
				}
			}
		}
	}
}
