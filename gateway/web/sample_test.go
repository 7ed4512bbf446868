package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// hostileRows are 30 of 60 columns whose names and values would do harm.
func hostileRows() arrow.Record {
	fields := make([]arrow.Field, 60)
	columns := make([]arrow.Array, len(fields))
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprint(hostile, i), Type: arrow.BinaryTypes.String, Nullable: true}
		b := array.NewStringBuilder(memory.DefaultAllocator)
		for row := range 30 {
			if row%2 == 1 {
				b.AppendNull()
			} else {
				b.Append(fmt.Sprint(row, hostile, strings.Repeat("x", 1000)))
			}
		}
		columns[i] = b.NewArray()
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, 30)
}

// arrowFile is an IPC file of hostile rows.
func arrowFile() []byte {
	f, err := os.CreateTemp("", "rows")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	r := hostileRows()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(r.Schema()))
	if err == nil {
		err = errors.Join(w.Write(r), w.Close(), f.Close())
	}
	b, failed := os.ReadFile(f.Name())
	if err != nil || failed != nil {
		panic(errors.Join(err, failed))
	}
	return b
}

// TestSampleIsBounded: twenty rows of fifty columns, each cut, with what is empty said; and they are said to
// be made up.
func TestSampleIsBounded(t *testing.T) {
	t.Parallel()
	w := visited(site(t, everything(), ""), http.MethodGet, "/datasets/ds-1/sample", nil)
	body := w.Body.String()
	if w.Code != http.StatusOK || strings.Count(body, "<td") != 20*50 || strings.Count(body, `class="null"`) != 20*50/2 {
		t.Errorf("%d with %d cells", w.Code, strings.Count(body, "<td"))
	}
	for _, want := range []string{"These rows are made up", "10 more columns", "They are read under an agreement"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(body, strings.Repeat("x", 200)) {
		t.Error("a value is shown whole")
	}
}

// TestSampleOfOthers: rows of the data are read under an agreement of one's own alone, and the form says what
// is wrong.
func TestSampleOfOthers(t *testing.T) {
	t.Parallel()
	a := everything()
	w := visited(site(t, a, "token"), http.MethodPost, "/datasets/ds-1/sample/rows", url.Values{"agreement": {"agr-other"}, "key": {"k"}})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "you have no agreement") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, r := range a.asked {
		if strings.HasSuffix(r.URL.Path, "/leases") || strings.HasSuffix(r.URL.Path, "/stream") {
			t.Errorf("%s was asked for", r.URL.Path)
		}
	}
	w = visited(site(t, a, ""), http.MethodPost, "/datasets/ds-1/sample/rows", url.Values{})
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// TestSampleOfNothing: a dataset without a version, or a table that is not there, is no fault of the page.
func TestSampleOfNothing(t *testing.T) {
	t.Parallel()
	a := everything()
	a.answers["GET /datasets/ds-1/stand-in.arrow"] = schemas.BadField("stand-in", "table", "there is no table %q", "nope")
	w := visited(site(t, a, ""), http.MethodGet, "/datasets/ds-1/sample?table=nope", nil)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "there is no table") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
