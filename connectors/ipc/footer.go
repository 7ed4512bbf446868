package ipc

import (
	"fmt"

	"guichet/schemas"
)

// Footer is what stands at the end of an IPC file.
type Footer struct {
	Schema       *Schema
	Dictionaries []schemas.Block
	Batches      []schemas.Block
	Extras       bool // it carries metadata of its own
	Size         int  // bytes
}

// ParseFooter reads the flatbuffer of a footer. It does not look at the messages that
// the footer names.
func ParseFooter(b []byte) (f Footer, err error) {
	defer guard(&err)
	t := flatRoot(b)
	st, ok := t.table(footerSchema)
	if !ok {
		return f, fmt.Errorf("no schema")
	}
	if f.Schema, err = parseSchema(st, schemaParser{}); err != nil {
		return f, err
	}
	_, n := t.vector(footerMetadata, 4)
	f.Extras = n > 0
	f.Dictionaries, f.Batches = blocksAt(t, footerDictionaries), blocksAt(t, footerBatches)
	f.Size = len(b)
	return f, nil
}

// blocksAt reads a vector of Block structs: 8 bytes of offset, 4 of metadata length, 4 of
// padding, 8 of body length [File.fbs].
func blocksAt(t flat, field int) []schemas.Block {
	p, n := t.vector(field, 24)
	out := make([]schemas.Block, n)
	for i := range out {
		out[i] = schemas.Block{Offset: t.int64At(p), Meta: t.t.GetInt32(p + 8), Body: t.int64At(p + 16)}
		p += 24
	}
	return out
}
