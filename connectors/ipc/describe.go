package ipc

import (
	"maps"
	"slices"
)

// keyValue is a key of a field's metadata with its value.
type keyValue struct{ key, value string }

// Describe gives a schema message in which top-level columns carry what is said about
// them, by name, as key-value metadata of their Arrow fields: their unit, what they mean.
// Nothing else changes, so that the batches that follow the one follow the other.
// Errors: as ParseSchema.
func Describe(schema []byte, about map[string]map[string]string) ([]byte, error) {
	if len(about) == 0 {
		return schema, nil
	}
	s, err := parseDescribed(schema)
	if err != nil {
		return nil, err
	}
	for _, n := range s.Top {
		for _, key := range slices.Sorted(maps.Keys(about[n.Field.Name])) {
			n.about = append(n.about, keyValue{key, about[n.Field.Name][key]})
		}
	}
	return s.Encode(), nil
}

// parseDescribed reads a schema message of ours with what Describe has put into it.
func parseDescribed(msg []byte) (*Schema, error) {
	m, err := ParseMeta(msg)
	if err != nil {
		return nil, err
	}
	if m.Kind != KindSchema {
		return nil, Invalid("the first message is not a schema")
	}
	s, err := parseSchema(m.header, schemaParser{described: true})
	if err != nil {
		return nil, Invalid("schema: %w", err)
	}
	return s, nil
}
