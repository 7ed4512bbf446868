package schemas

import (
	"embed"
	"encoding/json"
	"fmt"
)

// SQL holds the migrations of both databases, one sequence (goose format).
//
//go:embed sql/*.sql
var SQL embed.FS

// Spaces holds the data-space profiles: a folder each, with profile.json and
// baseline.rego. A new space is a folder of data, not code.
//
//go:embed spaces
var Spaces embed.FS

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
	Baseline string   `json:"-"` // Rego module
}

// SpaceProfiles reads the embedded data spaces in the order of their ids.
func SpaceProfiles() ([]SpaceProfile, error) {
	entries, err := Spaces.ReadDir("spaces")
	if err != nil {
		return nil, fmt.Errorf("list the data spaces: %w", err)
	}
	var out []SpaceProfile
	for _, e := range entries {
		var p SpaceProfile
		b, err := Spaces.ReadFile("spaces/" + e.Name() + "/profile.json")
		if err != nil {
			return nil, fmt.Errorf("data space %s: %w", e.Name(), err)
		}
		err = json.Unmarshal(b, &p)
		if err != nil {
			return nil, fmt.Errorf("data space %s: %w", e.Name(), err)
		}
		b, err = Spaces.ReadFile("spaces/" + e.Name() + "/baseline.rego")
		if err != nil {
			return nil, fmt.Errorf("data space %s: %w", e.Name(), err)
		}
		p.Baseline = string(b)
		out = append(out, p)
	}
	return out, nil
}
