package schemas

import (
	"embed"
	"fmt"
	"maps"
	"slices"
)

// JSONLD holds the JSON-LD contexts that documents may name, and the profile of
// our own ODRL terms, and codes of EU authority tables. jsonld/SOURCE.txt says where each comes from.
//
//go:embed jsonld/*.jsonld jsonld/authority.json
var JSONLD embed.FS

// DatasetSchema is the JSON Schema (2020-12) of Dataset: the YAML that people
// write [decisions.md 33c]. Unlike the API it refuses unknown members.
//
//go:embed json/dataset.schema.json
var DatasetSchema []byte

func contextFiles() map[string]string {
	const semic = "https://semiceu.github.io/"
	files := map[string]string{
		"http://www.w3.org/ns/odrl.jsonld":                      "odrl.jsonld",
		"https://www.w3.org/ns/odrl.jsonld":                     "odrl.jsonld",
		"https://w3id.org/dspace/2025/1/odrl-profile.jsonld":    "odrl.jsonld",
		"urn:guichet:odrl":                                      "odrl-profile.jsonld",
		semic + "DCAT-AP/releases/3.0.1/context/dcat-ap.jsonld": "dcat-ap.jsonld",
	}
	for _, version := range []string{"3.0.0", "3.0.1"} {
		files[semic+"DCAT-AP/releases/"+version+"/context/dcat-ap.jsonld"] = "dcat-ap.jsonld"
		files[semic+"uri.semic.eu-generated/DCAT-AP/releases/"+version+"/context/dcat-ap.jsonld"] = "dcat-ap.jsonld"
		files[semic+"DCAT-AP/releases/"+version+"/html/examples/context.jsonld"] = "dcat-ap-examples.jsonld"
		files[semic+"uri.semic.eu-generated/DCAT-AP/releases/"+version+"/html/examples/context.jsonld"] = "dcat-ap-examples.jsonld"
	}
	return files
}

// JSONLDContext gives the embedded document that stands for a remote @context.
// Nothing is ever fetched. Errors: Invalid for a name that is not embedded.
func JSONLDContext(name string) ([]byte, error) {
	file, ok := contextFiles()[name]
	if !ok {
		return nil, BadField("document", "/@context", "the context %q is not known here and nothing is fetched; write it inline, or use one of %v", name, JSONLDContexts())
	}
	b, err := JSONLD.ReadFile("jsonld/" + file)
	if err != nil {
		return nil, fmt.Errorf("read the context %s: %w", name, err)
	}
	return b, nil
}

// JSONLDContexts lists the names that JSONLDContext knows, sorted.
func JSONLDContexts() []string { return slices.Sorted(maps.Keys(contextFiles())) }
