package odrl

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/schemas"
)

type object = map[string]any

// Write gives the offer as compact ODRL JSON-LD for a target and an assigner,
// IRIs or "". Rule and Source of duties, which are not an offer's to say, are
// left out.
func Write(o schemas.Offer, target, assigner string) ([]byte, error) {
	doc, err := Object(o, target, assigner)
	if err != nil {
		return nil, err
	}
	doc["@context"] = context()
	return encode(doc)
}

// Object is what Write gives, without its @context: for a document that holds
// the policy in the terms of Context.
func Object(o schemas.Offer, target, assigner string) (map[string]any, error) {
	w, err := newWords()
	if err != nil {
		return nil, err
	}
	uid := target + "#offer"
	if target == "" {
		uid = "urn:guichet:offer"
	}
	doc := newPolicy("Offer", uid, target, assigner)
	for m, v := range map[string]string{"guichet:template": o.Template} {
		set(doc, m, v)
	}
	if len(o.Title) > 0 {
		doc["dct:title"] = text(o.Title)
	}
	if o.Review {
		doc["guichet:review"] = true
	}
	if o.Follow {
		doc["guichet:follow"] = true
	}
	inOrder := slices.IsSortedFunc(o.Rules, func(a, b schemas.Rule) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	for i := range o.Rules {
		rule := w.rule(&o.Rules[i])
		if !inOrder {
			rule["guichet:order"] = i + 1
		}
		kind := string(o.Rules[i].Kind)
		list, _ := doc[kind].([]object)
		doc[kind] = append(list, rule)
	}
	return doc, nil
}

// WriteAgreement gives an agreement as ODRL: who may do what with the dataset,
// for which purpose, where and until when, and what it demands. Only an active
// agreement permits anything; State and Revoked are not ODRL's to say.
func WriteAgreement(a schemas.Agreement) ([]byte, error) {
	w, err := newWords()
	if err != nil {
		return nil, err
	}
	doc := newPolicy("Agreement", "urn:guichet:agreement:"+string(a.ID), "urn:guichet:dataset:"+string(a.Dataset), string(a.Provider))
	doc["@context"] = context()
	doc["assignee"] = party(a.Participant)
	terms := []schemas.Constraint{}
	if a.Purpose != "" {
		terms = append(terms, schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{a.Purpose}})
	}
	if a.Factory != "" {
		terms = append(terms, schemas.Constraint{Left: "factory", Operator: "eq", Right: []string{string(a.Factory)}})
	}
	for operator, t := range map[string]time.Time{"gteq": a.From, "lt": a.Until} {
		if !t.IsZero() {
			terms = append(terms, schemas.Constraint{Left: "dateTime", Operator: operator, Right: []string{t.UTC().Format(time.RFC3339Nano)}})
		}
	}
	slices.SortStableFunc(terms, func(x, y schemas.Constraint) int { return strings.Compare(x.Operator, y.Operator) })
	deeds := []string{cmp.Or(a.Action, "use")}
	if a.Stage {
		deeds = append(deeds, "stage")
	}
	if a.Direct {
		deeds = append(deeds, "direct")
	}
	rule := object{"action": actions(deeds)}
	if len(terms) > 0 {
		var list []object
		for i := range terms {
			list = append(list, w.constraint(&terms[i]))
		}
		rule["constraint"] = list
	}
	if len(a.Columns) > 0 {
		rule["guichet:columns"] = list(a.Columns)
	}
	var duties []object
	for i := range a.Obligations {
		d := duty(&a.Obligations[i])
		set(d, "guichet:rule", a.Obligations[i].Rule)
		set(d, "guichet:source", a.Obligations[i].Source)
		duties = append(duties, d)
	}
	if len(duties) > 0 {
		rule["duty"] = duties
	}
	doc["permission"] = []object{rule}
	return encode(doc)
}

// context is the context of what is written: ODRL's own, since readers know its terms
// bare, and ours beside it.
func context() []any {
	c := object{"guichet": nsOurs, "dct": nsDCT, "xsd": nsXSD}
	return []any{"http://www.w3.org/ns/odrl.jsonld", c}
}

// newPolicy begins a document. conflict says prohibit, as policy judges: what one rule
// forbids no other rule allows.
func newPolicy(kind, uid, target, assigner string) object {
	doc := object{"@type": kind, "uid": uid, "profile": profile, "conflict": "prohibit"}
	set(doc, "target", target)
	if assigner != "" {
		doc["assigner"] = assigner
	}
	return doc
}

// party names an organisation: its id is an IRI already.
func party(id schemas.ParticipantID) any { return string(id) }

// set sets a member that has a value.
func set(o object, name, value string) {
	if value != "" {
		o[name] = value
	}
}

// encode writes a document as people read it, with an end of line.
func encode(doc object) ([]byte, error) {
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the policy: %w", err)
	}
	return append(b, '\n'), nil
}

// text is a text as language-tagged values, in the order of the tags.
func text(t schemas.Text) []object {
	var out []object
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		v := object{"@value": t[tag]}
		set(v, "@language", tag)
		out = append(out, v)
	}
	return out
}

// list keeps the order of values, which JSON-LD does not do by itself.
func list(values []string) object { return object{"@list": values} }

// actions names actions in ODRL's words, or in ours where it has none.
func actions(list []string) []string {
	var out []string
	for _, a := range list {
		if slices.Contains([]string{"train", "stage", "direct"}, a) {
			a = "guichet:" + a
		}
		out = append(out, a)
	}
	return out
}

// rule writes one rule with its actions, constraint and duties.
func (w *words) rule(r *schemas.Rule) object {
	out := object{}
	set(out, "dct:identifier", r.ID)
	out["action"] = actions(r.Actions)
	if r.Constraint != nil {
		out["constraint"] = []object{w.constraint(r.Constraint)}
	}
	var duties []object
	for i := range r.Duties {
		duties = append(duties, duty(&r.Duties[i]))
	}
	if len(duties) > 0 {
		out["duty"] = duties
	}
	return out
}

// constraint writes a constraint tree as it was read: and/or as lists, so that two
// documents of one offer are equal.
func (w *words) constraint(c *schemas.Constraint) object {
	for name, children := range map[string][]schemas.Constraint{"and": c.And, "or": c.Or} {
		if len(children) == 0 {
			continue
		}
		var out []object
		for i := range children {
			out = append(out, w.constraint(&children[i]))
		}
		return object{name: object{"@list": out}}
	}
	var right []any
	for _, v := range c.Right {
		right = append(right, w.operand(c.Left, v))
	}
	out := object{"leftOperand": leftTerm(c.Left), "operator": c.Operator, "rightOperand": right}
	if len(right) == 1 {
		out["rightOperand"] = right[0]
	}
	return out
}

// operand writes one right operand so that value gives it back as it was.
func (w *words) operand(left, v string) any {
	back := func(s string, isIRI bool) bool {
		got, err := w.value(left, s, isIRI)
		return err == nil && got == v
	}
	iri := v
	if left == "purpose" {
		iri = w.purposeIRI[v]
	}
	switch {
	case (left == "purpose" || left == "recipient") && plainIRI(iri) && back(iri, true):
		return object{"@id": iri}
	case !back(v, false):
		return object{"@value": v, "@type": "guichet:verbatim"}
	case left == "dateTime" && datatype(v) != "":
		return object{"@value": v, "@type": "xsd:" + datatype(v)}
	}
	return v
}

var lexical = regexp.MustCompile(
	`^\d{4}(-\d\d(-\d\d(T(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?|24:00:00(\.0+)?))?)?)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?$`,
)

// datatype is the XML Schema type in whose lexical space a time stands; "" for words that
// RFC 3339 or 9557 know and XML Schema does not.
func datatype(v string) string {
	m := lexical.FindStringSubmatch(v)
	switch {
	case m == nil:
		return ""
	case m[3] != "":
		return "dateTime"
	case m[2] != "":
		return "date"
	case m[1] != "":
		return "gYearMonth"
	}
	return "gYear"
}

// plainIRI says whether s passes JSON-LD expansion as it stands.
func plainIRI(s string) bool {
	scheme := slices.ContainsFunc([]string{"https://", "http://", "did:", "urn:"}, func(p string) bool { return strings.HasPrefix(s, p) })
	return scheme && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"{}|\\^`", r) })
}

// duty writes a duty by its action; ours stand in our own namespace, so that no reader
// takes them for ODRL's.
func duty(d *schemas.Duty) object {
	action := d.Kind
	if action != schemas.DutyAttribute {
		action = "guichet:" + action
	}
	out := object{"action": action}
	set(out, "guichet:table", d.Table)
	set(out, "guichet:to", d.To)
	set(out, "guichet:text", d.Text)
	set(out, "guichet:domain", d.Domain)
	if len(d.With) > 0 {
		out["guichet:with"] = list(d.With)
	}
	if len(d.Columns) > 0 {
		out["guichet:columns"] = list(d.Columns)
	}
	if len(d.Values) > 0 {
		out["guichet:values"] = list(d.Values)
	}
	if d.Filter != nil {
		out["guichet:expression"] = object{"@type": "@json", "@value": d.Filter}
	}
	for name, n := range map[string]int64{"guichet:rows": d.Rows, "guichet:bytes": d.Bytes} {
		if n != 0 {
			out[name] = object{"@value": strconv.FormatInt(n, 10), "@type": "xsd:integer"}
		}
	}
	if d.Enforced {
		out["guichet:enforced"] = true
	}
	return out
}
