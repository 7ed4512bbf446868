package odrl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// constraints reads a rule's constraints: all of several must hold
// [ODRL 2.2 §2.5].
func (r *reader) constraints(n rdf.Node, at string) *schemas.Constraint {
	values := rdf.List(n, nsODRL+"constraint")
	r.nodes = 0
	switch len(values) {
	case 0:
		return nil
	case 1:
		c := r.constraint(values[0], at+"/constraint/0", 1)
		return &c
	}
	r.nodes++
	c := schemas.Constraint{}
	for i, v := range values {
		c.And = append(c.And, r.constraint(v, fmt.Sprintf("%s/constraint/%d", at, i), 2))
	}
	return &c
}

// constraint reads one node of a constraint tree: a comparison, or and/or over others.
// level counts from the rule; the bounds are those that policy is compiled with, so that
// whatever is read can be judged. Each fault is said once, also where the tree goes on
// below it.
func (r *reader) constraint(n rdf.Node, at string, level int) schemas.Constraint {
	n = r.resolve(n)
	at = r.at(n, at)
	r.nodes++
	if level > schemas.MaxConstraintDepth || r.nodes > schemas.MaxConstraintNodes {
		if level == schemas.MaxConstraintDepth+1 || r.nodes == schemas.MaxConstraintNodes+1 {
			r.fault(at, "the constraint is too large: at most %d levels and %d nodes", schemas.MaxConstraintDepth, schemas.MaxConstraintNodes)
		}
		return schemas.Constraint{}
	}
	if rdf.IsReference(n) {
		r.fault(at, "the constraint %q is not described in the document", short(rdf.ID(n)))
		return schemas.Constraint{}
	}
	and, or := n[nsODRL+"and"] != nil, n[nsODRL+"or"] != nil
	switch {
	case and && or:
		r.fault(at, "a constraint is either and, or, or one comparison")
	case and:
		return schemas.Constraint{And: r.children(n, at, "and", level)}
	case or:
		return schemas.Constraint{Or: r.children(n, at, "or", level)}
	default:
		return r.leaf(n, at)
	}
	return schemas.Constraint{}
}

// children reads what and/or join. In JSON-LD they are a list, whose order is kept
// although it means nothing: explanations follow it.
func (r *reader) children(n rdf.Node, at, property string, level int) []schemas.Constraint {
	r.only(n, at, []string{"Constraint", "LogicalConstraint"}, nsODRL+property)
	var out []schemas.Constraint
	for i, v := range rdf.List(n, nsODRL+property) {
		out = append(out, r.constraint(v, fmt.Sprintf("%s/%s/%d", at, property, i), level+1))
	}
	if len(out) == 0 {
		r.fault(at+"/"+property, "%s joins at least one constraint", property)
	}
	return out
}

// leaf reads a comparison. What cannot be understood is a fault, never a comparison that
// is always true: an offer that is read may only be narrower than it was meant.
func (r *reader) leaf(n rdf.Node, at string) schemas.Constraint {
	r.only(n, at, []string{"Constraint"}, nsODRL+"leftOperand", nsODRL+"operator", nsODRL+"rightOperand")
	c := schemas.Constraint{Left: r.left(n, at)}
	c.Operator = r.operator(n, at, c.Left)
	values := rdf.List(n, nsODRL+"rightOperand")
	if len(values) == 0 {
		r.fault(at+"/rightOperand", "a comparison needs a right operand")
	}
	for _, v := range values {
		s, err := r.right(c.Left, v)
		if err != nil {
			r.fault(at+"/rightOperand", "%v", err)
		}
		c.Right = append(c.Right, s)
	}
	return c
}

// left gives our word for a left operand; "" with a fault where it has none.
func (r *reader) left(n rdf.Node, at string) string {
	v := r.one(n, at, nsODRL+"leftOperand")
	if v == nil {
		return ""
	}
	t := r.term(v, at+"/leftOperand")
	left, ok := leftOperands()[t]
	if !ok && t != "" {
		r.fault(at+"/leftOperand", "the operand %q is not understood here; understood are %v", t, slices.Sorted(maps.Keys(leftOperands())))
	}
	return left
}

// operator gives our word for an operator, without its namespace.
func (r *reader) operator(n rdf.Node, at, left string) string {
	v := r.one(n, at, nsODRL+"operator")
	if v == nil {
		return ""
	}
	t := r.term(v, at+"/operator")
	name, ok := strings.CutPrefix(t, "odrl:")
	if name == "isPartOf" && left == "spatial" {
		return "isAnyOf" // a country is part of its unions, as policy knows them
	}
	if t != "" && (!ok || !slices.Contains(operators(), name)) {
		r.fault(at+"/operator", "the operator %q is not understood here; understood are %v", t, operators())
	}
	return name
}

// right reads one right operand.
func (r *reader) right(left string, v rdf.Node) (string, error) {
	if id := rdf.ID(v); id != "" {
		if !rdf.IsReference(v) {
			return "", fmt.Errorf("the operand %q is described; only its IRI is understood", short(id))
		}
		if left == "recipientKind" || left == "factory" || left == "purpose" {
			id = strings.TrimPrefix(id, nsUnknown)
		}
		return r.words.value(left, id, true)
	}
	s, ok := v["@value"].(string)
	if !ok {
		return "", fmt.Errorf("a string or an IRI is wanted here")
	}
	if v["@language"] != nil {
		return "", fmt.Errorf("%q has a language; a plain value is wanted", s)
	}
	datatype, _ := v["@type"].(string)
	switch datatype {
	case verbatim:
		return s, nil
	case "", nsXSD + "string", nsXSD + "anyURI", nsXSD + "token":
	case nsXSD + "date", nsXSD + "dateTime", nsXSD + "dateTimeStamp", nsXSD + "gYearMonth", nsXSD + "gYear":
		if left != "dateTime" {
			return "", fmt.Errorf("the datatype %q does not go with %s", short(datatype), left)
		}
	default:
		return "", fmt.Errorf("the datatype %q is not understood here", short(datatype))
	}
	return r.words.value(left, s, false)
}
