package odrl

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// duty reads one duty: its action is its kind.
func (r *reader) duty(n rdf.Node, at string) schemas.Duty {
	n = r.resolve(n)
	at = r.at(n, at)
	properties := []string{nsODRL + "action", nsODRL + "target", nsODRL + "assigner", nsODRL + "attributedParty"}
	for _, m := range []string{"table", "columns", "to", "expression", "rows", "bytes", "values", "text", "enforced", "domain", "with"} {
		properties = append(properties, nsOurs+m)
	}
	r.only(n, at, []string{"Duty", "Rule"}, properties...)
	d := schemas.Duty{
		Kind: r.dutyKind(n, at), Table: r.text(n, at, nsOurs+"table"), Columns: r.strings(n, at, nsOurs+"columns"),
		To: r.text(n, at, nsOurs+"to"), Filter: r.filter(n, at), Rows: r.number(n, at, nsOurs+"rows"),
		Bytes: r.number(n, at, nsOurs+"bytes"), Values: r.strings(n, at, nsOurs+"values"), Text: r.text(n, at, nsOurs+"text"),
		Enforced: r.flag(n, at, nsOurs+"enforced"), Domain: r.text(n, at, nsOurs+"domain"), With: r.strings(n, at, nsOurs+"with"),
	}
	r.parties(n, at, "target")
	r.parties(n, at, "assigner")
	r.attribution(n, at, &d)
	return d
}

// dutyKind gives the kind of a duty, which in ODRL is its one action.
func (r *reader) dutyKind(n rdf.Node, at string) string {
	terms := r.actionTerms(n, at)
	if len(terms) != 1 {
		r.fault(at+"/action", "a duty has one action, this one %d", len(terms))
		return ""
	}
	kind, ok := dutyTerms()[terms[0]]
	if !ok {
		r.fault(at+"/action", "the duty %q is not understood here; understood are %v", terms[0], slices.Sorted(maps.Keys(dutyTerms())))
	}
	return kind
}

// attribution takes the party to name as the words to give, where no words are.
func (r *reader) attribution(n rdf.Node, at string, d *schemas.Duty) {
	parties := rdf.List(n, nsODRL+"attributedParty")
	switch {
	case len(parties) > 0 && d.Kind != schemas.DutyAttribute:
		r.fault(at+"/attributedParty", "only odrl:attribute names a party")
	case len(parties) > 0 && d.Text == "":
		names := r.parties(n, at, "attributedParty")
		d.Text = names[0]
		if len(names) > 1 {
			r.fault(at+"/attributedParty", "name one party, or write the words as guichet:text")
		}
	case len(parties) > 0:
		r.parties(n, at, "attributedParty")
	case d.Kind == schemas.DutyAttribute && d.Text == "":
		r.fault(at, "odrl:attribute needs the words to give, as guichet:text, or an odrl:attributedParty")
	}
}

// filter reads the JSON literal of a filter; unknown members are refused.
func (r *reader) filter(n rdf.Node, at string) *schemas.Filter {
	if _, ok := n[nsOurs+"expression"]; !ok {
		return nil
	}
	where := at + "/guichet:expression"
	v := r.one(n, at, nsOurs+"expression")
	if v == nil {
		return nil
	}
	if v["@type"] != "@json" {
		r.fault(where, "a filter is a JSON literal: {\"@type\": \"@json\", \"@value\": {…}}")
		return nil
	}
	b, err := json.Marshal(v["@value"])
	if err != nil {
		r.fault(where, "the filter is not JSON")
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var f schemas.Filter
	err = dec.Decode(&f)
	if err != nil {
		r.fault(where, "the filter is not understood: %v", err)
		return nil
	}
	return &f
}
