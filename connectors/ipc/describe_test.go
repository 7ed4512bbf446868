package ipc

import (
	"bytes"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
)

// What is said of a column stands in the schema of a stream and in the footer of a file,
// beside the name of its extension type, and changes no other byte of the schema's fields.
func TestDescribe(t *testing.T) {
	t.Parallel()
	fields := []arrow.Field{
		{Name: "id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}, Metadata: arrow.NewMetadata([]string{ExtensionName,
			ExtensionMetadata}, []string{"arrow.uuid", ""})},
		{Name: "crop", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, Nullable: true},
		{Name: "yield", Type: arrow.PrimitiveTypes.Float64},
	}
	plain := EncodeSchema(fields)
	about := map[string]map[string]string{"yield": {"unit": "t/ha", "description": "Ertrag"}, "id": {"description": "of the plot"},
		"gone": {"unit": "m"}}
	described, err := Describe(plain, about)
	if err != nil {
		t.Fatal(err)
	}
	footer, err := FileFooter(described, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := arrowipc.NewReader(bytes.NewReader(slices.Concat(described, EndOfStream())))
	if err != nil {
		t.Fatal(err)
	}
	file, err := arrowipc.NewFileReader(bytes.NewReader(slices.Concat(FileStart(), described, footer)))
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]*arrow.Schema{"stream": stream.Schema(), "file": file.Schema()} {
		for column, want := range about {
			at := got.FieldIndices(column)
			if column == "gone" {
				continue
			}
			for key, value := range want {
				have, ok := got.Field(at[0]).Metadata.GetValue(key)
				if !ok || have != value {
					t.Errorf("%s: %s of %s is %q, want %q", name, key, column, have, value)
				}
			}
		}
		if ext, _ := got.Field(0).Metadata.GetValue(ExtensionName); ext != "arrow.uuid" && got.Field(0).Type.ID() != arrow.EXTENSION {
			t.Errorf("%s: the extension's name is %q", name, ext)
		}
	}
	again, err := ParseSchema(described)
	if err != nil || !bytes.Equal(EncodeSchema(again.Arrow.Fields()), plain) {
		t.Errorf("without what was said it is another schema: %v", err)
	}
	same, err := Describe(plain, nil)
	if err != nil || !bytes.Equal(same, plain) {
		t.Errorf("nothing said changes the schema: %v", err)
	}
}
