package odrl

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Limits of a policy document. A constraint of 16 levels is nested about 56
// deep as Write spells it.
const (
	MaxBytes  = 1 << 20
	maxDepth  = 64
	maxValues = 1 << 14
	maxRules  = 64 // as policy.CheckOffer
	maxFaults = 64
)

// Parse reads an ODRL offer, set or policy. Errors: Invalid with a pointer and
// the term for each fault (at most 64), TooLarge beyond the limits.
func Parse(b []byte) (schemas.Offer, error) {
	o, _, err := ParseNotes(b)
	return o, err
}

// ParseNotes is Parse that also tells what a person should know of an accepted
// offer, such as that it was written for several targets.
func ParseNotes(b []byte) (schemas.Offer, []schemas.FieldError, error) {
	doc, err := rdf.Expand(b,
		rdf.Options{Vocab: nsUnknown, Strict: true, Limits: rdf.Limits{Bytes: MaxBytes, Depth: maxDepth, Values: maxValues}})
	if err != nil {
		return schemas.Offer{}, nil, err
	}
	w, err := newWords()
	if err != nil {
		return schemas.Offer{}, nil, err
	}
	r := &reader{doc: doc, words: w, byID: map[string]rdf.Node{}, used: map[uintptr]bool{}, targets: map[string]bool{}}
	o := r.document()
	if len(r.faults) > 0 {
		return schemas.Offer{}, nil, &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: "offer",
			Message: "the offer holds what is not understood here",
			Fields:  r.faults,
			Remedy:  "fix or leave out what is named; docs/offers.md lists the terms that are understood",
		}
	}
	return o, r.notes, nil
}

// IsPolicy says whether expanded nodes hold an ODRL policy.
func IsPolicy(nodes []rdf.Node) bool {
	return slices.ContainsFunc(nodes, isPolicy)
}

// isPolicy says whether a node is a policy of any type, also of one that is refused
// later: a document with an Agreement beside an Offer is not read as if it held the
// Offer alone. A node without a type that has rules is one too.
func isPolicy(n rdf.Node) bool {
	for _, t := range rdf.Types(n) {
		if slices.Contains([]string{"Offer", "Set", "Policy", "Agreement", "Request", "Ticket", "Assertion", "Privacy"},
			strings.TrimPrefix(t, nsODRL)) &&
			strings.HasPrefix(t, nsODRL) {
			return true
		}
	}
	for _, p := range []string{"permission", "prohibition", "obligation"} {
		if _, ok := n[nsODRL+p]; ok {
			return true
		}
	}
	return false
}

// reader walks one document and collects faults.
type reader struct {
	doc     *rdf.Document
	words   *words
	byID    map[string]rdf.Node
	used    map[uintptr]bool
	faults  []schemas.FieldError
	notes   []schemas.FieldError
	nodes   int             // of the constraint being read
	targets map[string]bool // target sets of the rules, as one string each
}

// fault notes what is wrong at a place; beyond maxFaults nothing more helps.
func (r *reader) fault(at, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, schemas.FieldError{Pointer: at, Message: fmt.Sprintf(format, args...)})
	}
}

// at is the place of n in the source, or the fallback.
func (r *reader) at(n rdf.Node, fallback string) string {
	p, ok := r.doc.At(n)
	if ok {
		return p
	}
	return fallback
}

// document reads the one policy of a document. All other nodes must be parts of it, or
// they are named as left over.
func (r *reader) document() schemas.Offer {
	for _, n := range r.doc.Nodes {
		r.index(n)
	}
	var policies []rdf.Node
	for _, n := range r.doc.Nodes {
		if isPolicy(n) {
			policies = append(policies, n)
		}
	}
	if len(policies) != 1 {
		r.fault("", "the document holds %d ODRL policies; one is wanted", len(policies))
		return schemas.Offer{}
	}
	o := r.policy(policies[0])
	for i, n := range r.doc.Nodes {
		if !r.used[key(n)] {
			r.fault(r.at(n, fmt.Sprintf("/@graph/%d", i)), "this is not part of the policy")
		}
	}
	return o
}

// key is a node's identity: nodes without an id are told apart by where they lie in
// memory.
func key(n rdf.Node) uintptr { return reflect.ValueOf(n).Pointer() }

// index finds every described node by its id. Two descriptions of one node
// would have to be merged; they are refused.
func (r *reader) index(v any) {
	switch t := v.(type) {
	case []any:
		for _, item := range t {
			r.index(item)
		}
	case map[string]any:
		id := rdf.ID(t)
		if id != "" && !rdf.IsReference(t) {
			if _, twice := r.byID[id]; twice {
				r.fault(r.at(t, "")+"/@id", "%q is described twice", id)
			}
			r.byID[id] = t
		}
		if _, isValue := t["@value"]; isValue {
			return
		}
		for _, k := range slices.Sorted(maps.Keys(t)) {
			r.index(t[k])
		}
	}
}

// resolve follows a reference to its description.
func (r *reader) resolve(n rdf.Node) rdf.Node {
	if rdf.IsReference(n) {
		d, ok := r.byID[rdf.ID(n)]
		if ok {
			n = d
		}
	}
	r.used[key(n)] = true
	return n
}

// only refuses every property of n but those named and descriptive ones, and
// every type but those of ODRL named.
func (r *reader) only(n rdf.Node, at string, types []string, properties ...string) {
	for _, k := range slices.Sorted(maps.Keys(n)) {
		switch {
		case k == "@id" || k == "@type" || slices.Contains(properties, k) || slices.Contains(descriptive(), k):
		case k == "@value" || k == "@list" || k == "@set":
			r.fault(at, "an object is wanted here, not a value")
		default:
			r.fault(at+"/"+member(k), "%q is not understood here%s", short(k), hint(k))
		}
	}
	for _, t := range rdf.Types(n) {
		name, ok := strings.CutPrefix(t, nsODRL)
		if !ok || !slices.Contains(types, name) {
			r.fault(at+"/@type", "the type %q is not understood here; understood are %v", short(t), types)
		}
	}
}

// hint says what to write instead of a property that is refused often.
func hint(property string) string {
	switch property {
	case nsODRL + "assignee":
		return "; say who may use the data by a constraint on recipient"
	case nsODRL + "rightOperandReference":
		return "; nothing is fetched, write the values into rightOperand"
	case nsODRL + "xone", nsODRL + "andSequence":
		return "; understood are and, or"
	}
	return ""
}

// term reads one value as a term: an IRI, or a literal that spells one. "" was
// reported.
func (r *reader) term(v rdf.Node, at string) string {
	if id := rdf.ID(v); id != "" && rdf.IsReference(v) {
		return short(id)
	}
	s, ok := v["@value"].(string)
	if !ok || v["@language"] != nil {
		r.fault(at, "a term is wanted here")
		return ""
	}
	name := short(s)
	if !strings.Contains(name, ":") {
		return "odrl:" + name
	}
	return name
}

// one gives the only value of a property; nil was reported.
func (r *reader) one(n rdf.Node, at, property string) rdf.Node {
	values := rdf.List(n, property)
	if len(values) != 1 {
		r.fault(at+"/"+member(property), "one %s is wanted, there are %d", short(property), len(values))
		return nil
	}
	return values[0]
}

// text reads an optional string property.
func (r *reader) text(n rdf.Node, at, property string) string {
	if _, ok := n[property]; !ok {
		return ""
	}
	v := r.one(n, at, property)
	if v == nil {
		return ""
	}
	s, ok := v["@value"].(string)
	if !ok {
		r.fault(at+"/"+member(property), "a string is wanted here")
	}
	return s
}

// flag reads an optional boolean property.
func (r *reader) flag(n rdf.Node, at, property string) bool {
	if _, ok := n[property]; !ok {
		return false
	}
	v := r.one(n, at, property)
	if v == nil {
		return false
	}
	s, _, _, _ := rdf.Literal(v)
	if s != "true" && s != "false" {
		r.fault(at+"/"+member(property), "true or false is wanted here")
	}
	return s == "true"
}

// number reads an optional whole number, native or as xsd:integer.
func (r *reader) number(n rdf.Node, at, property string) int64 {
	if _, ok := n[property]; !ok {
		return 0
	}
	v := r.one(n, at, property)
	if v == nil {
		return 0
	}
	s, _, _, _ := rdf.Literal(v)
	i, err := parseInt(s)
	if err != nil {
		r.fault(at+"/"+member(property), "%q is not a whole number", s)
	}
	return i
}

// strings reads texts of a property; IRIs and numbers are faults, since a column's name
// is neither.
func (r *reader) strings(n rdf.Node, at, property string) []string {
	var out []string
	for _, v := range rdf.List(n, property) {
		s, ok := v["@value"].(string)
		if !ok {
			r.fault(at+"/"+member(property), "strings are wanted here")
			continue
		}
		out = append(out, s)
	}
	return out
}
