package s3

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"guichet/schemas"
)

// looked lists a folder page by page, by keys.
func looked(t *testing.T, s *Store, l Look) (keys []string) {
	t.Helper()
	for {
		page, more, err := s.Look(t.Context(), l)
		if err != nil || len(page) > l.Most || more && len(page) == 0 {
			t.Fatalf("%+v: %v, %v, %v", l, page, more, err)
		}
		for _, e := range page {
			if e.Folder != (!l.Deep && strings.HasSuffix(e.Key, "/")) {
				t.Errorf("%+v", e)
			}
			keys = append(keys, e.Key)
		}
		if !more {
			return keys
		}
		l.After = page[len(page)-1].Key
	}
}

// TestLook: of a folder what lies directly in it, or all below it, each once and in order, however long the pages are
// that are asked for and that the store gives.
func TestLook(t *testing.T) {
	for _, page := range []int{0, 3} {
		s, b := lab(t, page)
		for _, key := range []string{"p/", "p/a.csv", "p/test/0.csv", "p/train/", "p/train/0.csv", "p/train/deep/1.csv", "p/z & <é>.csv", "q/other.csv"} {
			b.Put("lab", key, []byte(key))
		}
		for _, n := range []int{1, 2, 3, 4, 100} {
			if got, want := looked(t, s, Look{Bucket: "lab", Prefix: "p/", Most: n}), []string{"p/a.csv", "p/test/", "p/train/", "p/z & <é>.csv"}; !slices.Equal(got, want) {
				t.Errorf("pages of %d and %d: %q", page, n, got)
			}
			if got := looked(t, s, Look{Bucket: "lab", Prefix: "p/", Deep: true, Most: n}); len(got) != 6 || got[1] != "p/test/0.csv" {
				t.Errorf("pages of %d and %d: %q", page, n, got)
			}
		}
		if got := looked(t, s, Look{Bucket: "lab", Prefix: "none/", Most: 5}); len(got) != 0 {
			t.Errorf("%q", got)
		}
	}
	s, b := lab(t, 0)
	b.Put("lab", "p/a.csv", []byte("four"))
	page, _, err := s.Look(t.Context(), Look{Bucket: "lab", Prefix: "p/", Most: 5})
	if err != nil || len(page) != 1 || page[0].Size != 4 {
		t.Errorf("%+v, %v", page, err)
	}
	_, _, err = s.Look(t.Context(), Look{Bucket: "none", Prefix: "p/", Most: 5})
	if schemas.KindOf(err) != schemas.NotFound || !strings.Contains(err.Error(), `no bucket "none"`) {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// TestLooksAreHonest: a store that gives what was not asked for, says that there is more and gives nothing, or does not
// answer, is named with what is wrong.
func TestLooksAreHonest(t *testing.T) {
	answers := func(inner string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `<ListBucketResult>%s</ListBucketResult>`, inner)
		}
	}
	const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>`
	for name, h := range map[string]http.HandlerFunc{
		"elsewhere":        answers(`<Contents><Key>q/a</Key><Size>1</Size></Contents>`),
		"a folder outside": answers(`<CommonPrefixes><Prefix>q/</Prefix></CommonPrefixes>`),
		"pages of nothing": answers(more),
		"the same page":    answers(more + `<Contents><Key>p/a</Key><Size>1</Size></Contents>`),
	} {
		_, _, err := open(t, h).Look(t.Context(), Look{Bucket: "lab", Prefix: "p/", After: "p/b", Most: 10})
		if f, _ := errors.AsType[Fault](err); f != Endless {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := New("away", "http://127.0.0.1:1", "eu", Credentials{"k", "secret"})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Look(t.Context(), Look{Bucket: "lab", Prefix: "p/", Most: 10})
	if schemas.KindOf(err) != schemas.Unavailable || !strings.Contains(err.Error(), "store away at http://127.0.0.1:1 does not answer") ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("a store that is away: %v", err)
	}
}
