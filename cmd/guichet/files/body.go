package files

import (
	"bytes"
	"os"

	"guichet/connectors/client"
	"guichet/connectors/croissant"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// MediaType is that of a form by the name that flags have for it.
func MediaType(form string) string {
	return map[string]string{
		"json": "application/json", "jsonld": string(rdf.JSONLD), "turtle": string(rdf.Turtle), "rdfxml": string(rdf.RDFXML),
		"croissant": `application/ld+json;profile="` + croissant.Profile + `"`,
	}[form]
}

// ReadBody reads a file that the gateway reads, and says what it holds: by its name, where
// that ends in .ttl, .rdf, .nt or .jsonld; else by how it begins: JSON, RDF/XML, Turtle, or
// else YAML. Errors: Invalid for a file that cannot be read.
func ReadBody(path string) (client.Document, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return client.Document{}, schemas.Errorf(schemas.Invalid, path, "the file cannot be read: %w", err)
	}
	f, named := rdf.FormatOfFile(path)
	start := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	begins := func(with ...string) bool {
		for _, w := range with {
			if len(start) >= len(w) && bytes.EqualFold(start[:len(w)], []byte(w)) {
				return true
			}
		}
		return false
	}
	switch {
	case named:
		return client.Document{Type: string(f), Text: b}, nil
	case begins("{", "["):
		return client.Document{Type: string(rdf.JSONLD), Text: b}, nil
	case begins("<?xml", "<rdf:RDF"):
		return client.Document{Type: string(rdf.RDFXML), Text: b}, nil
	case begins("@prefix", "@base", "PREFIX "):
		return client.Document{Type: string(rdf.Turtle), Text: b}, nil
	}
	return client.Document{Type: "application/yaml", Text: b}, nil
}
