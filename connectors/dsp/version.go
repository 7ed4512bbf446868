package dsp

import (
	"encoding/json"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Version is the version of the protocol that is spoken here.
const Version = "2025-1"

// VersionPath is where a connector says which versions it speaks, below the address of its
// protocol [DSP 2025-1, 4.3].
const VersionPath = "/.well-known/dspace-version"

// CatalogPath is where a catalogue is asked for, below the address of a version [DSP 2025-1, 5.2].
const CatalogPath = "/catalog/request"

// Path is where this version is spoken, below the address of the protocol, as the answer at
// VersionPath says. Errors: Invalid, which names the versions that there are; TooLarge.
func Path(b []byte) (string, error) {
	err := rdf.Bound(b, rdf.Limits{Bytes: 1 << 20, Depth: 8, Values: 1 << 10})
	if err != nil {
		return "", err
	}
	var doc struct {
		Versions []struct{ Version, Path string } `json:"protocolVersions"`
	}
	err = json.Unmarshal(b, &doc)
	if err != nil {
		return "", schemas.Errorf(schemas.Invalid, "dspace-version", "the answer is not the JSON of protocol versions: %v", err)
	}
	var others []string
	for _, v := range doc.Versions {
		if v.Version == Version {
			return strings.TrimRight(v.Path, "/"), nil
		}
		others = append(others, schemas.Visible(v.Version))
	}
	return "", &schemas.Error{
		Kind: schemas.Invalid, Subject: "dspace-version",
		Message: "the connector does not speak version " + Version + " of the Dataspace Protocol, but " +
			strings.Join(append(others, "nothing else")[:max(1, min(len(others), 10))], ", "),
		Remedy: "ask its operator for " + Version,
	}
}

// Request is the message that asks for a catalogue [DSP 2025-1, 5.2].
func Request() []byte {
	return []byte(`{"@context":["https://w3id.org/dspace/2025/1/context.jsonld"],"@type":"CatalogRequestMessage"}`)
}
