package webdataset

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
	"guichet/connectors/media"
)

// keyColumn is the column of samples' names.
const keyColumn = "__key__"

// Seen is what the members of one ending have shown, in one tar or, joined, in several. It is
// plain data: it crosses to the child process and back as JSON.
type Seen struct {
	Ending    string `json:"ending"`
	NotWhole  bool   `json:"not_whole,omitempty"` // some member is no whole number as it would be written again
	NotText   bool   `json:"not_text,omitempty"`  // some member is not UTF-8
	Tensor    string `json:"tensor,omitempty"`    // type and shape of the first array
	NotTensor bool   `json:"not_tensor,omitempty"`
}

// what endings are of, by their last part. All others are bytes.
func numbers() []string { return []string{"cls", "cls2", "index", "inx", "id"} }

func texts() []string {
	return []string{"txt", "text", "transcript", "caption", "json", "jsn", "jsonl", "csv", "xml", "html", "md"}
}

// last is the part of an ending that says what it is: png of seg.png.
func last(ending string) string { return ending[strings.LastIndexByte(ending, '.')+1:] }

// whole is a whole number as it is written.
var whole = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// see notes what a member rules out.
func (s *Seen) see(b []byte) {
	switch kind := last(s.Ending); {
	case slices.Contains(numbers(), kind):
		s.NotWhole = s.NotWhole || !whole.Match(b)
		s.NotText = s.NotText || !utf8.Valid(b)
	case slices.Contains(texts(), kind):
		s.NotText = s.NotText || !utf8.Valid(b)
	case kind == "npy" && !s.NotTensor:
		t, _, ok := readArray(b)
		if s.Tensor == "" {
			s.Tensor = t.String()
		}
		s.NotTensor = !ok || s.Tensor != t.String()
	}
}

// Join adds what one more tar has shown to what tars before have.
func Join(all, file []Seen) []Seen {
	out := slices.Clone(all)
	for _, f := range file {
		i := slices.IndexFunc(out, func(s Seen) bool { return s.Ending == f.Ending })
		if i < 0 {
			out = append(out, f)
			continue
		}
		s := &out[i]
		s.NotWhole, s.NotText = s.NotWhole || f.NotWhole, s.NotText || f.NotText
		s.NotTensor = s.NotTensor || f.NotTensor || s.Tensor != f.Tensor
	}
	return out
}

// Fields gives the columns of a table by what its tars have shown. Kind: Invalid.
func Fields(seen []Seen) ([]arrow.Field, error) {
	if len(seen) > maxEndings {
		return nil, ipc.Invalid("there are more than %d endings, each of which is a column", maxEndings)
	}
	out := []arrow.Field{{Name: keyColumn, Type: arrow.BinaryTypes.String, Nullable: true}}
	for i := range seen {
		if seen[i].Ending == keyColumn {
			return nil, ipc.Invalid("members that end in .%s have the name of the column of keys", keyColumn)
		}
		out = append(out, seen[i].field())
	}
	return out, nil
}

// field is the column of an ending.
func (s *Seen) field() arrow.Field {
	f := arrow.Field{Name: s.Ending, Type: arrow.BinaryTypes.Binary, Nullable: true}
	kind := last(s.Ending)
	t, tensor := parseTensor(s.Tensor)
	switch {
	case slices.Contains(numbers(), kind) && !s.NotWhole:
		f.Type = arrow.PrimitiveTypes.Int64
	case (slices.Contains(numbers(), kind) || slices.Contains(texts(), kind)) && !s.NotText:
		f.Type = arrow.BinaryTypes.String
	case kind == "npy" && tensor && !s.NotTensor:
		f.Type = arrow.FixedSizeListOfField(int32(t.len()), arrow.Field{Name: "item", Type: elements()[t.descr], Nullable: true})
		f.Metadata = arrow.NewMetadata([]string{ipc.ExtensionName, ipc.ExtensionMetadata},
			[]string{"arrow.fixed_shape_tensor", t.shapeText()})
	}
	return f
}

// MediaTypes gives the media types of columns whose values are files, by their names.
func MediaTypes(fields []arrow.Field) map[string]string {
	out := map[string]string{}
	for _, f := range fields {
		if f.Name == keyColumn || f.Type.ID() != arrow.BINARY && f.Type.ID() != arrow.STRING || slices.Contains(numbers(), last(f.Name)) {
			continue
		}
		out[f.Name] = media.ByName("x." + last(f.Name))
	}
	return out
}
