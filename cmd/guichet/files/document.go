package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"guichet/connectors/rdf"
	"guichet/gateway/problem"
	"guichet/schemas"
)

// foreign is a character that the YAML reader writes in JSON as Go does, which is no JSON,
// with the text before it.
var foreign = regexp.MustCompile(`([^"\\]{0,32}(?:\\\\)*)(\\(?:x[0-9a-f]{2}|U[0-9a-f]{8}|[av]))`)

// ReadDocument reads a YAML or JSON file into v; unknown keys are refused.
func ReadDocument(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, path, "the file cannot be read: %w", err)
	}
	j, err := yaml.YAMLToJSON(b) // JSON is YAML too
	if err != nil {
		return schemas.Errorf(schemas.Invalid, path, "%s is not YAML: %s", path, yaml.FormatError(err, false, true))
	}
	if m := foreign.FindSubmatch(j); m != nil && !json.Valid(j) {
		return schemas.Errorf(schemas.Invalid, path,
			"%s: the text %q goes on with a control character, or one that shows nothing (%s): no text here holds such; leave it out",
			path, m[1], m[2])
	}
	err = rdf.Names(j, false)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, path, "%s: %w", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(j))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if err != nil {
		return schemas.Errorf(schemas.Invalid, path, "%s: %s", path, memberInWords(err))
	}
	return nil
}

// memberInWords says of a member that does not fit what to write there.
func memberInWords(err error) string {
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return name + ": " + problem.InWords("unexpected property")
	}
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err.Error()
	}
	want, other := map[reflect.Kind]string{reflect.Slice: "array", reflect.Map: "object", reflect.Struct: "object", reflect.String: "string",
		reflect.Bool: "boolean"}[wrong.Type.Kind()]
	if !other {
		want = "number"
	}
	return fmt.Sprintf("at %s: %s", wrong.Field, problem.InWords("expected "+want))
}
