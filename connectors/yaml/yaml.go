// Package yaml reads the small YAML that people write: schemas.Dataset under its closed schema
// [decisions.md 33c].
//
// In flow bytes, out comes the same document as JSON, with the line of each value, or a dataset.
//
// Always: no anchors, aliases, tags or merge keys, no key twice, one document; what is dear to
// parse is refused before it is parsed; what is written wrong is told with its line. It must not
// know who wrote it.
package yaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"guichet/schemas"
)

const maxBytes = 1 << 20

// Document is a YAML document read strictly: no anchors, aliases, tags or merge
// keys, no key twice, one document.
type Document struct {
	JSON  []byte         // the same document
	value any            // as jsonschema wants it
	lines map[string]int // JSON pointer to line, from 1
	paths int            // bytes of all pointers in lines
}

// Line is the line of the value that a JSON pointer names, or of the nearest
// one around it.
func (y *Document) Line(pointer string) int {
	for {
		n, ok := y.lines[pointer]
		if ok || pointer == "" {
			return max(n, 1)
		}
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
	}
}

// Parse reads YAML. Errors: Invalid with pointer and line, TooLarge.
func Parse(b []byte) (y *Document, err error) {
	if len(b) > maxBytes {
		return nil, schemas.Errorf(schemas.TooLarge, "document", "the YAML has %d bytes; at most %d are read", len(b), maxBytes)
	}
	defer func() {
		if r := recover(); r != nil {
			y, err = nil, &schemas.Error{
				Kind:    schemas.Invalid,
				Subject: "document",
				Message: "the document is not YAML",
				Fields:  []schemas.FieldError{{Message: "not YAML"}},
				Err:     fmt.Errorf("panic in go-yaml: %v", r),
			}
		}
	}()
	tokens, err := bounded(b)
	if err != nil {
		return nil, err
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, schemas.BadField("document", "", "one YAML document is wanted")
	}
	y = &Document{lines: map[string]int{}}
	y.value, err = y.read(f.Docs[0].Body, "", 1)
	if err != nil {
		return nil, err
	}
	y.JSON, err = json.Marshal(y.value)
	if err != nil {
		return nil, schemas.BadField("document", "", "the document holds what JSON cannot: %v", err)
	}
	return y, nil
}

// ReadDataset reads the dataset that a person wrote. Errors: Invalid with pointer
// and line for each fault, TooLarge.
func ReadDataset(b []byte) (schemas.Dataset, error) {
	var d schemas.Dataset
	y, err := Parse(b)
	if err != nil {
		return d, err
	}
	err = y.CheckDataset()
	if err != nil {
		return d, err
	}
	err = json.Unmarshal(y.JSON, &d)
	if err != nil {
		return d, schemas.BadField("dataset", "", "the document is not a dataset: %v", err)
	}
	return d, nil
}

// syntaxError is the parser's word with the line that it names.
func syntaxError(err error) error {
	at, ok := errors.AsType[interface {
		error
		GetMessage() string
	}](err)
	message, line := err.Error(), 0
	if ok {
		message = at.GetMessage()
	}
	_, _ = fmt.Sscanf(err.Error(), "[%d:", &line)
	return schemas.BadField("document", "", "line %d: this is not YAML: %s", max(line, 1), message)
}

// read turns a YAML node into what JSON could say, and notes the line of each value by
// its JSON pointer: the schema's faults are told by line. Aliases and merges are not
// read, since they make small documents large.
func (y *Document) read(n ast.Node, at string, depth int) (any, error) {
	line := n.GetToken().Position.Line
	if _, known := y.lines[at]; !known {
		y.lines[at] = line
		y.paths += len(at)
	}
	if y.paths > maxPaths {
		return nil, schemas.Errorf(schemas.TooLarge, "document", "the names of nested members are too long for so many values")
	}
	if depth > maxDepth {
		return nil, schemas.BadField("document", at, "line %d: nested more than %d levels", line, maxDepth)
	}
	switch t := n.(type) {
	case *ast.MappingNode:
		return y.mapping(t.Values, at, depth)
	case *ast.MappingValueNode:
		return y.mapping([]*ast.MappingValueNode{t}, at, depth)
	case *ast.SequenceNode:
		out := []any{}
		for i, v := range t.Values {
			item, err := y.read(v, at+"/"+strconv.Itoa(i), depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, item)
		}
		return out, nil
	case *ast.StringNode:
		return t.Value, nil
	case *ast.LiteralNode:
		return t.Value.Value, nil
	case *ast.BoolNode:
		return t.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return number(n, at, line)
	}
	return nil, schemas.BadField("document", at, "line %d: %s is not read here; write plain values", line, strings.ToLower(n.Type().String()))
}

// number keeps whole and decimal numbers as written; 0x1F, 1_000 and the like
// are refused rather than guessed.
func number(n ast.Node, at string, line int) (any, error) {
	text := n.GetToken().Value
	if !json.Valid([]byte(text)) {
		return nil, schemas.BadField("document", at, "line %d: %s is ambiguous; put it in quotes if it is text", line, text)
	}
	return json.Number(text), nil
}

// mapping reads a mapping; a key that is given twice is a fault, as the second value
// would win in silence.
func (y *Document) mapping(values []*ast.MappingValueNode, at string, depth int) (any, error) {
	out := map[string]any{}
	for _, v := range values {
		name := v.Key.GetToken().Value
		line := v.Key.GetToken().Position.Line
		here := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		switch v.Key.(type) {
		case *ast.StringNode, *ast.NullNode, *ast.IntegerNode, *ast.BoolNode:
		default:
			return nil, schemas.BadField("document", here, "line %d: this key is not read here", line)
		}
		if _, twice := out[name]; twice {
			return nil, schemas.BadField("document", here, "line %d: %q is given twice", line, name)
		}
		y.lines[here] = line
		y.paths += len(here)
		item, err := y.read(v.Value, here, depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = item
	}
	return out, nil
}

// CheckDataset holds the document against the schema of datasets. Errors:
// Invalid with pointer and line for each fault.
func (y *Document) CheckDataset() error {
	schema, err := datasetSchema()
	if err != nil {
		return err
	}
	err = schema.Validate(y.value)
	if err == nil {
		return nil
	}
	v, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fmt.Errorf("hold the document against the schema of datasets: %w", err)
	}
	var faults []schemas.FieldError
	y.collect(v, &faults)
	slices.SortStableFunc(faults, func(a, b schemas.FieldError) int { return y.Line(a.Pointer) - y.Line(b.Pointer) })
	return &schemas.Error{Kind: schemas.Invalid, Subject: "dataset", Message: "the dataset's description has faults", Fields: faults}
}

// datasetSchema compiles the embedded schema of datasets.
func datasetSchema() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.DatasetSchema))
	if err != nil {
		return nil, fmt.Errorf("read the schema of datasets: %w", err)
	}
	c := jsonschema.NewCompiler()
	err = c.AddResource("urn:guichet:schema:dataset", doc)
	if err != nil {
		return nil, fmt.Errorf("add the schema of datasets: %w", err)
	}
	s, err := c.Compile("urn:guichet:schema:dataset")
	if err != nil {
		return nil, fmt.Errorf("compile the schema of datasets: %w", err)
	}
	return s, nil
}

// collect gathers the innermost causes of a fault: the outer ones only say that
// something below is wrong.
func (y *Document) collect(v *jsonschema.ValidationError, out *[]schemas.FieldError) {
	for _, c := range v.Causes {
		y.collect(c, out)
	}
	if len(v.Causes) > 0 {
		return
	}
	at := ""
	for _, token := range v.InstanceLocation {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	add := func(pointer, message string) {
		*out = append(*out, schemas.FieldError{Pointer: pointer, Message: fmt.Sprintf("line %d: %s", y.Line(pointer), message)})
	}
	switch k := v.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			add(at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), fmt.Sprintf("%q is not a member that is known here", name))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			add(at+"/"+name, fmt.Sprintf("%q is missing", name))
		}
	case *kind.Pattern:
		words, ok := schemas.PatternInWords(k.Want)
		if !ok {
			words = "it must match " + k.Want
		}
		add(at, fmt.Sprintf("%q: %s", k.Got, words))
	case *kind.Enum:
		add(at, fmt.Sprintf("%v is not one of %s", k.Got, list(k.Want)))
	case *kind.Type:
		wanted := make([]string, len(k.Want))
		for i, w := range k.Want {
			wanted[i] = typed(w)
		}
		add(at, fmt.Sprintf("this is %s; wanted is %s%s", typed(k.Got), strings.Join(wanted, " or "), quotes(k)+tagged(at, k)))
	default:
		add(at, inWords(v))
	}
}

// typed is what people call a type of JSON.
func typed(name string) string {
	words := map[string]string{"string": "a text", "object": "something with members, like {name: value}", "array": "a list, like [a, b]",
		"number": "a number", "integer": "a whole number", "boolean": "true or false", "null": "nothing"}
	if w, ok := words[name]; ok {
		return w
	}
	return name
}

// inWords says a fault of a value as a person does.
func inWords(v *jsonschema.ValidationError) string {
	switch k := v.ErrorKind.(type) {
	case *kind.MinLength, *kind.MinItems, *kind.MinProperties:
		return "this must not be empty"
	case *kind.MaxLength:
		return fmt.Sprintf("this has %d characters; at most %d are kept", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("this list has %d values; at most %d are kept", k.Got, k.Want)
	case *kind.UniqueItems:
		return "each value stands once in this list"
	case *kind.Minimum:
		return "write a number of at least " + k.Want.RatString()
	case *kind.Maximum:
		return "write a number of at most " + k.Want.RatString()
	case *kind.Format:
		how := map[string]string{"date-time": "an instant with its zone, like 2026-11-25T08:00:00Z", "date": "a day, like 2026-11-25",
			"uri": "a whole address, like https://portal.example/a"}[k.Want]
		if how != "" {
			return "write " + how
		}
	}
	_, message, _ := strings.Cut(v.Error(), ": ")
	return message
}

// list names alternatives in a message.
func list(values []any) string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, fmt.Sprint(v))
		}
	}
	return strings.Join(out, ", ")
}

// quotes helps with the commonest mistake: a year is a number in YAML.
func quotes(k *kind.Type) string {
	if slices.Contains(k.Want, "string") && (k.Got == "number" || k.Got == "boolean") {
		return "; put it in quotes"
	}
	return ""
}

// tagged helps where a text stands without its language.
func tagged(at string, k *kind.Type) string {
	name := at[strings.LastIndex(at, "/")+1:]
	if k.Got == "string" && slices.Contains(k.Want, "object") && (name == "title" || name == "description") {
		return fmt.Sprintf("; say its language: %s: {en: …}", name)
	}
	return ""
}
