package ckan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Bounds of a document of one package, and of a page of them.
const (
	maxDepth      = 32
	maxValues     = 1 << 18
	maxPageValues = 1 << 21
)

// Page is what package_search found.
type Page struct {
	Items []dcatap.Item
	Found int   // packages of the page, those that are none of ours included
	Count int64 // of all pages
}

// answer is what the action API gives [CKAN API guide].
type answer struct {
	Success *bool           `json:"success"`
	Result  json.RawMessage `json:"result"`
	Error   struct {
		Message string `json:"message"`
		Type    string `json:"__type"`
	} `json:"error"`
}

// IsPackage says whether a JSON document is a package of CKAN, bare or as package_show gives it:
// an object with resources, and with what CKAN alone calls so. Our own datasets have no resources,
// and data packages no owner_org, license_id or metadata_modified.
func IsPackage(b []byte) bool {
	if !bytes.Contains(b, []byte(`"resources"`)) {
		return false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(b, &members) != nil {
		return false
	}
	if _, ok := members["success"]; ok {
		var within map[string]json.RawMessage
		if json.Unmarshal(members["result"], &within) != nil {
			return false
		}
		members = within
	}
	if _, ok := members["resources"]; !ok {
		return false
	}
	for _, name := range []string{"owner_org", "license_id", "metadata_created", "metadata_modified", "num_resources", "creator_user_id"} {
		if _, ok := members[name]; ok {
			return true
		}
	}
	return false
}

// Read reads a package, bare or as package_show gives it. portal is the address of the portal that
// it came from, without a slash at its end, "" where that is not known. Errors: Invalid with a
// pointer; TooLarge.
func Read(b []byte, portal string) (schemas.Dataset, error) {
	err := rdf.Bound(b, rdf.Limits{Bytes: dcatap.MaxBytes, Depth: maxDepth, Values: maxValues})
	if err != nil {
		return schemas.Dataset{}, err
	}
	result, err := resultOf(b)
	if err != nil {
		return schemas.Dataset{}, err
	}
	item, listed := readPackage(result, portal)
	if !listed && item.Err == nil {
		item.Err = schemas.BadField("dataset", "", "the package is private, not active, or no dataset: it is not taken over")
	}
	return item.Dataset, item.Err
}

// ReadSearch reads an answer of package_search of the portal at an address. Errors: Invalid for
// what is none, Unavailable where the portal says that it failed, TooLarge.
func ReadSearch(b []byte, portal string) (Page, error) {
	err := rdf.Bound(b, rdf.Limits{Bytes: dcatap.MaxPage, Depth: maxDepth, Values: maxPageValues})
	if err != nil {
		return Page{}, err
	}
	result, err := resultOf(b)
	if err != nil {
		return Page{}, err
	}
	var found struct {
		Count   int64             `json:"count"`
		Results []json.RawMessage `json:"results"`
	}
	err = json.Unmarshal(result, &found)
	if err != nil || found.Results == nil {
		return Page{}, schemas.BadField("document", "/result", "this is no answer of package_search: it has no results")
	}
	out := Page{Count: found.Count, Found: len(found.Results)}
	for _, one := range found.Results {
		item, listed := readPackage(one, portal)
		if listed {
			item.Dataset.Notes = nil // nobody asks
			out.Items = append(out.Items, item)
		}
	}
	return out, nil
}

// resultOf gives what the action API wraps, or the document itself where it is bare.
func resultOf(b []byte) (json.RawMessage, error) {
	var a answer
	err := json.Unmarshal(b, &a)
	switch {
	case err != nil:
		return nil, schemas.BadField("document", "", "this is not JSON of CKAN: %v", err)
	case a.Success == nil:
		return b, nil
	case !*a.Success:
		return nil, schemas.Errorf(schemas.Unavailable, "document", "the portal says that it failed: %.300s",
			schemas.Visible(strings.TrimSpace(a.Error.Type+" "+a.Error.Message)))
	}
	return a.Result, nil
}

// readPackage reads one package; false for one that is none of ours to list.
func readPackage(b json.RawMessage, portal string) (item dcatap.Item, listed bool) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	p := pack{portal: strings.TrimRight(portal, "/"), used: map[string]bool{}}
	err := dec.Decode(&p.members)
	if err != nil || p.members == nil {
		return dcatap.Item{Err: schemas.BadField("dataset", "", "the package is no JSON object")}, true
	}
	if p.members["private"] == true || !slices.Contains([]string{"", "active"}, word(p.members["state"])) ||
		slices.Contains([]string{"harvest", "showcase", "app", "application"}, word(p.members["type"])) {
		return dcatap.Item{}, false
	}
	p.fill()
	n := p.dataset()
	items, err := dcatap.ReadNodes(&rdf.Document{Nodes: []rdf.Node{n}})
	if err != nil || len(items) != 1 {
		return dcatap.Item{Err: fmt.Errorf("read a package: %w", err)}, true
	}
	item = items[0]
	p.leftover()
	item.Dataset.Notes = append(p.notes, item.Dataset.Notes...)
	if item.Err != nil {
		item.Dataset = schemas.Dataset{}
	}
	return item, true
}
