package odrl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// parseInt reads the lexical form of xsd:integer in base ten, without a fraction or
// exponent.
func parseInt(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

// ranked is a rule with its place among all rules, where the document says it.
type ranked struct {
	schemas.Rule
	order int64
}

// shared is what a policy says for all its rules [ODRL 2.2 §2.7.1].
type shared struct {
	actions []string
	targets []string
	duties  []schemas.Duty
}

// policy reads the policy node. Properties that it does not list are faults: an offer
// that holds less than its document would give away what the document kept.
func (r *reader) policy(n rdf.Node) schemas.Offer {
	r.used[key(n)] = true
	at := r.at(n, "")
	r.only(n, at, []string{"Offer", "Set", "Policy"}, nsODRL+"permission", nsODRL+"prohibition", nsODRL+"obligation",
		nsODRL+"profile", nsODRL+"conflict", nsODRL+"target", nsODRL+"assigner", nsODRL+"action", nsDCT+"title",
		nsOurs+"review", nsOurs+"follow", nsOurs+"template")
	r.strategy(n, at)
	o := schemas.Offer{
		Title:    r.title(n, at),
		Template: r.text(n, at, nsOurs+"template"),
		Review:   r.flag(n, at, nsOurs+"review"),
		Follow:   r.flag(n, at, nsOurs+"follow"),
	}
	s := shared{actions: r.actions(n, at), targets: r.parties(n, at, "target")}
	r.parties(n, at, "assigner")
	for i, d := range rdf.List(n, nsODRL+"obligation") {
		s.duties = append(s.duties, r.duty(d, fmt.Sprintf("%s/obligation/%d", at, i)))
	}
	rules := r.rules(n, at, schemas.Permission, s)
	if len(rules) == 0 && len(s.duties) > 0 {
		r.fault(at+"/obligation", "an obligation without a permission binds nobody here")
	}
	rules = append(rules, r.rules(n, at, schemas.Prohibition, s)...)
	if len(rules) == 0 || len(rules) > maxRules {
		r.fault(at, "an offer has between 1 and %d rules, this one %d", maxRules, len(rules))
	}
	slices.SortStableFunc(rules, func(a, b ranked) int { return cmp.Compare(a.order, b.order) })
	for _, rule := range rules {
		o.Rules = append(o.Rules, rule.Rule)
	}
	r.sameTargets(at)
	return o
}

// strategy accepts what our layers do: a prohibition wins [decisions.md 23].
func (r *reader) strategy(n rdf.Node, at string) {
	for _, v := range rdf.List(n, nsODRL+"profile") {
		id := rdf.ID(v)
		if s, ok := v["@value"].(string); ok {
			id = s
		}
		if id != profile && id != nsODRL+"core" {
			r.fault(at+"/profile", "the profile %q is not understood here; understood is %s", short(id), profile)
		}
	}
	for _, v := range rdf.List(n, nsODRL+"conflict") {
		if t := r.term(v, at+"/conflict"); t != "odrl:prohibit" {
			r.fault(at+"/conflict", "the conflict strategy %q is not followed here; a prohibition always wins (odrl:prohibit)", t)
		}
	}
}

// title reads a title in each of its languages.
func (r *reader) title(n rdf.Node, at string) schemas.Text {
	var out schemas.Text
	for _, v := range rdf.List(n, nsDCT+"title") {
		s, language, _, ok := rdf.Literal(v)
		_, twice := out[language]
		if !ok || twice {
			r.fault(at+"/dct:title", "a title is a text, one for each language")
			continue
		}
		if out == nil {
			out = schemas.Text{}
		}
		out[language] = s
	}
	return out
}

// parties reads assets or parties: they may be described, but not refined.
func (r *reader) parties(n rdf.Node, at, property string) []string {
	var out []string
	for _, v := range rdf.List(n, nsODRL+property) {
		where := at + "/" + property
		if s, ok := v["@value"].(string); ok {
			out = append(out, s)
			continue
		}
		v = r.resolve(v)
		r.only(v, r.at(v, where), []string{"Asset", "Party", "AssetCollection", "PartyCollection"}, nsDCT+"title", nsDCT+"identifier")
		if rdf.ID(v) == "" {
			r.fault(r.at(v, where), "a %s has an IRI", property)
		}
		out = append(out, rdf.ID(v))
	}
	return out
}

// sameTargets refuses rules for different targets: put on one dataset, a
// permission meant for another would open it. Several targets of all rules
// alike are noted.
func (r *reader) sameTargets(at string) {
	if len(r.targets) > 1 {
		r.fault(at, "the rules are for different targets (%s); an offer is put on one dataset",
			strings.Join(slices.Sorted(maps.Keys(r.targets)), "; "))
		return
	}
	for t := range r.targets {
		if strings.Contains(t, " ") {
			r.notes = append(r.notes,
				schemas.FieldError{Pointer: at + "/target", Message: "written for several targets; it is put on one dataset here: " + t})
		}
	}
}

// rules reads the permissions or the prohibitions of a policy, with what the policy says
// for all of them (s).
func (r *reader) rules(n rdf.Node, at string, kind schemas.RuleKind, s shared) []ranked {
	var out []ranked
	values := rdf.List(n, nsODRL+string(kind))
	if len(values) > maxRules {
		r.fault(at+"/"+string(kind), "at most %d rules", maxRules)
		return nil
	}
	for i, v := range values {
		out = append(out, r.rule(v, fmt.Sprintf("%s/%s/%d", at, kind, i), kind, s))
	}
	return out
}

// rule reads one rule, with its rank among the others where the document has an order of
// ours.
func (r *reader) rule(n rdf.Node, at string, kind schemas.RuleKind, s shared) ranked {
	n = r.resolve(n)
	at = r.at(n, at)
	properties := []string{
		nsODRL + "action", nsODRL + "constraint", nsODRL + "target", nsODRL + "assigner", nsDCT + "identifier",
		nsOurs + "order",
	}
	types := []string{"Prohibition", "Rule"}
	if kind == schemas.Permission {
		properties = append(properties, nsODRL+"duty")
		types[0] = "Permission"
	}
	r.only(n, at, types, properties...)
	out := ranked{
		Rule:  schemas.Rule{ID: r.text(n, at, nsDCT+"identifier"), Kind: kind, Actions: r.actions(n, at)},
		order: r.number(n, at, nsOurs+"order"),
	}
	if _, named := n[nsDCT+"identifier"]; !named && !strings.HasPrefix(rdf.ID(n), "_:") {
		out.ID = rdf.ID(n)
	}
	own := len(rdf.List(n, nsODRL+"action")) > 0
	switch {
	case own && len(s.actions) > 0:
		r.fault(at+"/action", "both the policy and this rule name actions")
	case !own && len(s.actions) == 0:
		r.fault(at+"/action", "a rule names an action; understood are %v", slices.Sorted(maps.Keys(actionTerms())))
	case !own:
		out.Actions = slices.Clone(s.actions)
	}
	targets := append(r.parties(n, at, "target"), s.targets...)
	slices.Sort(targets)
	if len(targets) > 0 { // a rule without a target is for every one
		r.targets[strings.Join(slices.Compact(targets), " ")] = true
	}
	r.parties(n, at, "assigner")
	out.Constraint = r.constraints(n, at)
	if kind == schemas.Permission {
		for i, d := range rdf.List(n, nsODRL+"duty") {
			out.Duties = append(out.Duties, r.duty(d, fmt.Sprintf("%s/duty/%d", at, i)))
		}
		out.Duties = append(out.Duties, s.duties...)
	}
	return out
}

// actions reads the actions of a rule or policy; [] when there are none.
func (r *reader) actions(n rdf.Node, at string) []string {
	var out []string
	for _, t := range r.actionTerms(n, at) {
		a, ok := actionTerms()[t]
		if !ok {
			r.fault(at+"/action", "the action %q is not understood here; understood are %v", t, slices.Sorted(maps.Keys(actionTerms())))
			continue
		}
		out = append(out, a)
	}
	return out
}

// actionTerms reads the actions' names: plain, or as a node with rdf:value,
// which must not be refined [ODRL 2.2 §2.5.2].
func (r *reader) actionTerms(n rdf.Node, at string) []string {
	var out []string
	for _, v := range rdf.List(n, nsODRL+"action") {
		where := at + "/action"
		if _, ok := v["@value"]; !ok && !rdf.IsReference(v) {
			where = r.at(v, where)
			r.only(v, where, []string{"Action"}, nsRDF+"value")
			if _, ok := v[nsRDF+"value"]; ok {
				v = r.one(v, where, nsRDF+"value")
			} else {
				v = rdf.Node{"@id": rdf.ID(v)}
			}
		}
		if v == nil {
			continue
		}
		if t := r.term(v, where); t != "" {
			out = append(out, t)
		}
	}
	return out
}
