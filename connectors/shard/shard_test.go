package shard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/connectors/column/columntest"
	"guichet/connectors/shard"
	"guichet/connectors/shard/shardtest"
	"guichet/connectors/sharedtest"
)

func TestTruncatedUpload(t *testing.T) { // trial 54
	r, _ := shardtest.Must(t, shardtest.ReadShared(t, "reports", "54-truncated-upload", "whole.arrows"), shard.Spec{Name: "whole.arrows"})
	if r.Rows != 300 || r.Format != shard.FormatArrowStream {
		t.Fatalf("%d rows of %s", r.Rows, r.Format)
	}
	for _, f := range []string{"after-batch-2", "after-schema", "in-body", "in-length", "in-metadata"} {
		_, _, err := shardtest.Conform(t, shardtest.ReadShared(t, "reports", "54-truncated-upload", f+".arrows"), shard.Spec{Name: f + ".arrows"})
		if err == nil || !strings.Contains(err.Error(), "no end marker: the stream is cut at byte") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestNullDictionary(t *testing.T) { // trial 50
	r, out := shardtest.Must(t, shardtest.ReadShared(t, "reports", "50-null-dictionary", "shard-00000.arrow"),
		shard.Spec{Name: "shard-00000.arrow"})
	if r.Rows != 5 || len(r.Dictionaries) != 3 {
		t.Fatalf("%+v", r)
	}
	for col, want := range map[string]string{
		"colour": "[null null null null null]", "empty": "[null null null null null]", "state": "[on off null off on]",
	} {
		if got := fmt.Sprint(columntest.Cells(t, out, col)); got != want {
			t.Errorf("%s: %s", col, got)
		}
	}
}

func TestSliceOfViews(t *testing.T) { // trial 52, as published
	r, out := shardtest.Must(t, shardtest.ReadShared(t, "reports", "52-slice-of-views", "shard-00000.arrow"),
		shard.Spec{Name: "shard-00000.arrow"})
	t.Log(r.Notes, r.Columns, columntest.Cells(t, out, "words"), columntest.Cells(t, out, "nums"))
	if got := fmt.Sprint(columntest.Cells(t, out, "words")[2:]); got != `[["third-long-value-2222",null,"dd"] ["ee"]]` {
		t.Errorf("words %s", got)
	}
	if got := fmt.Sprint(columntest.Cells(t, out, "nums")[2:]); got != `[[2,3] []]` {
		t.Errorf("nums %s", got)
	}
}

// TestGoodCorpus reads the Arrow project's own files: each is read, or refused
// with a sentence.
func TestGoodCorpus(t *testing.T) {
	var read, refused int
	err := filepath.WalkDir(sharedtest.Path(t, "data", "interop", "arrow"), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(p, ".gz") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name := filepath.Base(p)
		if strings.HasSuffix(p, "arrow_file") {
			name += ".arrow"
		}
		_, _, err = shardtest.Conform(t, b, shard.Spec{Name: name})
		if err != nil {
			refused++
			t.Logf("%s: %v", p, err)
			return nil
		}
		shardtest.Must(t, b, shard.Spec{Name: name})
		read++
		return nil
	})
	if err != nil || read == 0 {
		t.Fatalf("%d read, %d refused: %v", read, refused, err)
	}
	t.Logf("%d read, %d refused", read, refused)
}
