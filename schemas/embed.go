package schemas

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// SQL holds the migrations of both databases, one sequence (goose format).
//
//go:embed sql/*.sql
var SQL embed.FS

//go:embed vocab/purposes.json
var purposesJSON []byte

//go:embed vocab/places.json
var placesJSON []byte

// Purpose is one entry of the closed list of purposes.
type Purpose struct {
	ID         string   `json:"id"`
	IRI        string   `json:"iri"`
	Broader    []string `json:"broader,omitempty"`
	EHDS       string   `json:"ehds,omitempty"`        // article of EHDS that allows it
	Excluded   string   `json:"excluded,omitempty"`    // article of EHDS that excludes it
	PublicBody bool     `json:"public_body,omitempty"` // reserved to public bodies [EHDS art. 53(2)]
	Action     string   `json:"action,omitempty"`      // what an ask for it does with data, where it names no action
	Label      Text     `json:"label"`
}

// Purposes reads the closed list of purposes, in its order.
func Purposes() ([]Purpose, error) {
	var doc struct{ Purposes []Purpose }
	err := json.Unmarshal(purposesJSON, &doc)
	if err != nil {
		return nil, fmt.Errorf("read the purposes: %w", err)
	}
	return doc.Purposes, nil
}

// Unions reads which countries belong to the EU and the EEA: name to ISO
// 3166-1 alpha-2 codes.
func Unions() (map[string][]string, error) {
	var doc struct{ EU, EEA []string }
	err := json.Unmarshal(placesJSON, &doc)
	if err != nil {
		return nil, fmt.Errorf("read the places: %w", err)
	}
	return map[string][]string{"EU": doc.EU, "EEA": doc.EEA}, nil
}

// SpaceProfile is what a data space demands of a dataset's metadata.
type SpaceProfile struct {
	ID       SpaceID  `json:"id"`
	Version  string   `json:"version"`
	Title    Text     `json:"title"`
	Theme    string   `json:"theme"`
	Required []string `json:"required"`
	Profiles []string `json:"profiles,omitempty" doc:"metadata profiles of the space with their versions, newest first"`
	Baseline string   `json:"-"` // Rego module
}

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
		"https://w3id.org/dspace/2025/1/context.jsonld":         "dspace.jsonld",
		"urn:guichet:odrl":                                      "odrl-profile.jsonld",
		"http://mlcommons.org/croissant/1.0":                    "croissant.jsonld",
		"http://mlcommons.org/croissant/1.1":                    "croissant.jsonld",
		semic + "DCAT-AP/releases/3.0.1/context/dcat-ap.jsonld": "dcat-ap.jsonld",
	}
	for _, version := range []string{"3.0.0", "3.0.1"} {
		files[semic+"DCAT-AP/releases/"+version+"/context/dcat-ap.jsonld"] = "dcat-ap.jsonld"
		files[semic+"uri.semic.eu-generated/DCAT-AP/releases/"+version+"/context/dcat-ap.jsonld"] = "dcat-ap.jsonld"
		files[semic+"DCAT-AP/releases/"+version+"/html/examples/context.jsonld"] = "dcat-ap-examples.jsonld"
		files[semic+"uri.semic.eu-generated/DCAT-AP/releases/"+version+"/html/examples/context.jsonld"] = "dcat-ap-examples.jsonld"
	}
	for version, eosc := range map[string]string{"2.0.0": "", "2.1.0": "2.1.0", "3.0.0": "2.1.0", "3.1.0": "3.1.0"} {
		for _, at := range []string{semic + "MLDCAT-AP/releases/", semic + "uri.semic.eu-generated/MLDCAT-AP/releases/"} {
			files[at+version+"/context/mldcat-ap.jsonld"] = "mldcat-ap-" + version + ".jsonld"
			if eosc != "" {
				files[at+version+"/html/examples/eosc-mldcat-ap-context.jsonld"] = "mldcat-ap-eosc-" + eosc + ".jsonld"
			}
		}
	}
	return files
}

// JSONLDContext gives the embedded document that stands for a remote @context.
// Nothing is ever fetched. Errors: Invalid for a name that is not embedded.
func JSONLDContext(name string) ([]byte, error) {
	file, ok := contextFiles()[name]
	if !ok {
		return nil, BadField("document", "/@context",
			"the context %q is not known here and nothing is fetched; write it inline, or use one of %v", name, JSONLDContexts())
	}
	b, err := JSONLD.ReadFile("jsonld/" + file)
	if err != nil {
		return nil, fmt.Errorf("read the context %s: %w", name, err)
	}
	return b, nil
}

// JSONLDContexts lists the names that JSONLDContext knows, sorted.
func JSONLDContexts() []string { return slices.Sorted(maps.Keys(contextFiles())) }
