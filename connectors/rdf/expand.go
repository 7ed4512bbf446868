package rdf

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/piprate/json-gold/ld"

	"guichet/schemas"
)

// Node is an expanded node object: absolute IRI to list of values.
type Node = map[string]any

// Options say how a document is read.
type Options struct {
	Base   string // against which relative IRIs are resolved; "" keeps them relative
	Vocab  string // IRI in front of names that no context knows, so that they are not lost; "" drops them
	Strict bool   // refuse nulls, unknown keywords and terms that map to nothing
	Limits Limits
}

// Document is an expanded document. It is not safe for concurrent use.
type Document struct {
	Nodes      []Node // top-level nodes in the order of the source
	Statements int    // of what is not JSON-LD: distinct ones, which is how RDF counts
	at         map[uintptr]string
}

// At is the JSON pointer of the object that a node was expanded from; false
// where the processor does not say.
func (d *Document) At(n Node) (string, bool) {
	at, ok := d.at[reflect.ValueOf(n).Pointer()]
	return at, ok
}

// Expand reads a JSON-LD document [JSON-LD 1.1 API §5.1]. Errors: Invalid with
// a pointer, TooLarge beyond the limits.
func Expand(src []byte, o Options) (*Document, error) {
	v, err := scan(src, o.Limits, o.Strict)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case map[string]any, []any:
	default:
		return nil, schemas.BadField("document", "", "the document is neither an object nor an array")
	}
	d := &Document{at: map[uintptr]string{}}
	opts := ld.NewJsonLdOptions(o.Base)
	opts.DocumentLoader = embedded{}
	opts.SafeMode = o.Strict
	opts.Ordered = true
	if o.Vocab != "" {
		opts.ExpandContext = map[string]any{"@vocab": o.Vocab}
	}
	end := time.Now().Add(cmp.Or(o.Limits.Time, MaxTime))
	opts.ExpandedElementHandler = func(pointer string, expanded any) {
		if time.Now().After(end) {
			panic(errTime) // recovered in expand; the library has no other way out
		}
		if m, ok := expanded.(map[string]any); ok {
			d.at[reflect.ValueOf(m).Pointer()] = pointer
		}
	}
	items, err := expand(v, opts)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		n, ok := item.(map[string]any)
		if ok {
			d.Nodes = append(d.Nodes, n)
		}
	}
	return d, nil
}

var errTime = errors.New("out of time")

// expand keeps the library's panics and errors inside.
func expand(v any, opts *ld.JsonLdOptions) (items []any, err error) {
	defer func() {
		r := recover()
		switch {
		case r == nil:
		case r == any(errTime):
			err = schemas.Errorf(schemas.TooLarge, "document", "the document takes too long to process; split it or write its context inline")
		default:
			err = &schemas.Error{
				Kind:    schemas.Invalid,
				Subject: "document",
				Message: "the document is not JSON-LD that can be processed",
				Fields:  []schemas.FieldError{{Message: "not JSON-LD"}},
				Err:     fmt.Errorf("panic in json-gold: %v", r),
			}
		}
	}()
	items, err = ld.NewJsonLdProcessor().Expand(v, opts)
	if err == nil {
		return items, nil
	}
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		return nil, e
	}
	bad := schemas.BadField("document", "", "the document is not JSON-LD: %v", err)
	bad.Err = err
	return nil, bad
}

// embedded is the only document loader: it knows the contexts of schemas/jsonld.
type embedded struct{}

var _ ld.DocumentLoader = embedded{}

func (embedded) LoadDocument(name string) (*ld.RemoteDocument, error) {
	b, err := schemas.JSONLDContext(name)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	var doc any
	err = dec.Decode(&doc)
	if err != nil {
		return nil, fmt.Errorf("decode the context %s: %w", name, err)
	}
	return &ld.RemoteDocument{DocumentURL: name, Document: doc}, nil
}
