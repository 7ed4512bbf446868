package odrl

import (
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Namespaces. unknown stands in front of names that no context maps: they stay
// visible and are refused by name.
const (
	nsODRL    = "http://www.w3.org/ns/odrl/2/"
	nsOurs    = "urn:guichet:odrl:"
	nsDCT     = "http://purl.org/dc/terms/"
	nsRDF     = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsRDFS    = "http://www.w3.org/2000/01/rdf-schema#"
	nsXSD     = "http://www.w3.org/2001/XMLSchema#"
	nsSKOS    = "http://www.w3.org/2004/02/skos/core#"
	nsUnknown = "urn:guichet:unknown:"

	profile  = "urn:guichet:odrl"
	verbatim = nsOurs + "verbatim"

	factoryPrefix = "urn:guichet:factory:"
)

// prefixes are the names by which messages call IRIs: people know odrl:use, not where it
// lies.
func prefixes() [][2]string {
	return [][2]string{
		{nsODRL, "odrl:"},
		{nsOurs, "guichet:"},
		{nsDCT, "dct:"},
		{nsRDF, "rdf:"},
		{nsRDFS, "rdfs:"},
		{nsXSD, "xsd:"},
		{nsSKOS, "skos:"},
		{nsUnknown, ""},
	}
}

// short is a term as people write it: odrl:use, guichet:train; names that no
// context maps stand bare, other IRIs in full.
func short(iri string) string {
	for _, p := range prefixes() {
		rest, ok := strings.CutPrefix(iri, p[0])
		if ok {
			return p[1] + rest
		}
	}
	return iri
}

// member is the last part of a pointer to a property.
func member(iri string) string {
	name := strings.TrimPrefix(short(iri), "odrl:")
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// leftOperands are the left operands that policy can judge, and what it calls them.
// Several of ODRL's mean the same here, the place where data is used.
func leftOperands() map[string]string {
	return map[string]string{
		"odrl:purpose": "purpose", "odrl:recipient": "recipient", "odrl:spatial": "spatial", "odrl:dateTime": "dateTime",
		"odrl:systemDevice": "factory", "odrl:virtualLocation": "factory", "guichet:factory": "factory",
		"guichet:recipientKind": "recipientKind", "guichet:call": "call",
	}
}

// leftTerm is the inverse of leftOperands, as written.
func leftTerm(left string) string {
	switch left {
	case "factory":
		return "systemDevice"
	case "recipientKind", "call":
		return "guichet:" + left
	}
	return left
}

// operators are the comparisons that policy can judge [ODRL 2.2, section 4.2 of the
// vocabulary].
func operators() []string {
	return []string{"eq", "neq", "isA", "isAnyOf", "isNoneOf", "lt", "lteq", "gt", "gteq"}
}

// actionTerms are the actions that policy can judge. Training, staging and reading by URL are no actions of ODRL.
func actionTerms() map[string]string {
	return map[string]string{"odrl:use": "use", "odrl:read": "read", "guichet:train": "train", "guichet:stage": "stage",
		"guichet:direct": "direct"}
}

// dutyTerms are the duties that can be carried out on a stream, and what the agreement
// calls them. ODRL has only attribution of these.
func dutyTerms() map[string]string {
	return map[string]string{"odrl:attribute": schemas.DutyAttribute, "guichet:hide": schemas.DutyHide,
		"guichet:pseudonymise": schemas.DutyPseudonymise, "guichet:generalise": schemas.DutyGeneralise,
		"guichet:filter": schemas.DutyFilter, "guichet:budget": schemas.DutyBudget, "guichet:factory": schemas.DutyFactory}
}

// descriptive properties say nothing that binds and are passed over.
func descriptive() []string {
	return []string{nsDCT + "description", nsDCT + "issued", nsDCT + "created", nsDCT + "modified", nsDCT + "creator",
		nsDCT + "publisher", nsRDFS + "label", nsRDFS + "comment", nsRDFS + "seeAlso", nsSKOS + "prefLabel", nsSKOS + "definition", nsSKOS +
			"note"}
}

// words holds what right operands are translated with.
type words struct {
	purposeByIRI map[string]string // IRI to id
	purposeIRI   map[string]string // id to IRI
	codes        *rdf.Codes
}

// newWords loads purposes and places, both ways.
func newWords() (*words, error) {
	list, err := schemas.Purposes()
	if err != nil {
		return nil, err
	}
	codes, err := rdf.LoadCodes()
	if err != nil {
		return nil, err
	}
	w := &words{purposeByIRI: map[string]string{}, purposeIRI: map[string]string{}, codes: codes}
	for _, p := range list {
		w.purposeByIRI[p.IRI], w.purposeIRI[p.ID] = p.ID, p.IRI
	}
	return w, nil
}

// value translates one right operand: an IRI (isIRI) or a literal's text.
func (w *words) value(left, v string, isIRI bool) (string, error) {
	switch left {
	case "purpose":
		if id, ok := w.purposeByIRI[v]; ok {
			return id, nil
		}
		if _, ok := w.purposeIRI[v]; ok && !isIRI {
			return v, nil
		}
		return "", fmt.Errorf("%q is not a purpose of the closed list", short(v))
	case "spatial":
		code, ok := w.codes.Place(v)
		if ok {
			return code, nil
		}
		if isIRI || strings.Contains(v, "://") {
			return "", fmt.Errorf("%q is not a place known here; write an ISO 3166-1 code, EU or EEA", short(v))
		}
	case "recipient":
		if isIRI && !strings.Contains(v, ":") {
			return "", fmt.Errorf("the recipient %q is a relative IRI", v)
		}
		if strings.HasPrefix(v, nsUnknown) || strings.HasPrefix(v, "_:") {
			return "", fmt.Errorf("%q names no recipient", short(v))
		}
	case "dateTime":
		if isIRI {
			return "", fmt.Errorf("%q is not an instant", short(v))
		}
		_, err := schemas.ParsePeriod(v, false)
		return v, err
	case "recipientKind":
		if isIRI || !slices.Contains(schemas.ParticipantKinds(), schemas.ParticipantKind(v)) {
			return "", fmt.Errorf("%q is not a kind of recipient; known are %v", short(v), schemas.ParticipantKinds())
		}
	case "call":
		if isIRI {
			return "", fmt.Errorf("%q is not a call; write its slug", short(v))
		}
	case "factory":
		slug, ok := strings.CutPrefix(v, factoryPrefix)
		if isIRI && !ok {
			return "", fmt.Errorf("%q is not a factory; write its slug", short(v))
		}
		return slug, nil
	}
	return v, nil
}
