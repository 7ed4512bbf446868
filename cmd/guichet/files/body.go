package files

import (
	"os"

	"guichet/connectors/client"
	"guichet/connectors/croissant"
	"guichet/connectors/description"
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
	return client.Document{Type: description.MediaType(path, b), Text: b}, nil
}
