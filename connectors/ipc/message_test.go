package ipc

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
)

func FuzzParseMeta(f *testing.F) {
	var buf bytes.Buffer
	w := arrowipc.NewWriter(&buf, arrowipc.WithSchema(arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}}, nil)))
	_ = w.Close()
	f.Add(buf.Bytes())
	f.Add(RecordMeta(3, []NodeRef{{3, 0}}, []BufferRef{{0, 0}, {0, 24}}, 64))
	f.Add(DictionaryMeta(1, 3, []NodeRef{{3, 0}}, []BufferRef{{0, 0}, {0, 24}}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMeta(b)
		if err != nil {
			return
		}
		for _, r := range m.Buffers {
			if r.Offset < 0 || r.Length < 0 || r.Offset+r.Length > m.BodyLen {
				t.Fatalf("buffer %v outside a body of %d", r, m.BodyLen)
			}
		}
		if m.Kind == KindSchema {
			if s, err := ParseSchema(b); err == nil {
				if _, err := ParseSchema(NewSchema(s.Arrow.Fields()).Encode()); err != nil && !strings.Contains(err.Error(), "not read") {
					t.Fatal(err)
				}
			}
		}
	})
}
