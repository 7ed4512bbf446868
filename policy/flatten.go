package policy

import (
	"context"
	"fmt"
	"slices"

	"guichet/schemas"
)

// node is one node of a flattened constraint tree, as the Rego modules see it.
type node struct {
	I        int      `json:"i"`
	Level    int      `json:"level"` // height above its deepest leaf
	Op       string   `json:"op"`    // leaf, and, or
	Children []int    `json:"children"`
	Left     string   `json:"left"`
	Operator string   `json:"operator"`
	Right    []string `json:"right"`
	Near     []string `json:"near"`  // recipient: one spelling of each
	Odd      bool     `json:"odd"`   // it holds what is not understood: nobody knows whom it means
	Spans    []span   `json:"spans"` // dateTime: what each value means
}

// span is a period in Unix microseconds: from the first to before the second.
type span [2]int64

// spanOf gives an instant its own microsecond.
func spanOf(p schemas.Period) span {
	s := span{p.From.UnixMicro(), p.Until.UnixMicro()}
	if p.Instant() {
		s[1]++
	}
	return s
}

// flatten writes a constraint tree in post-order. Limits are checked before
// (checkConstraint).
func (e *Engine) flatten(c *schemas.Constraint, odd func(factory string) bool) (nodes []node, root int) {
	if c == nil {
		return nil, 0
	}
	var walk func(c *schemas.Constraint) node
	walk = func(c *schemas.Constraint) node {
		children, op := c.And, "and"
		if len(c.Or) > 0 {
			children, op = c.Or, "or"
		}
		n := node{Op: op}
		if len(children) == 0 {
			n = e.leafNode(c, odd)
		}
		for i := range children {
			child := walk(&children[i])
			n.Children = append(n.Children, child.I)
			n.Level = max(n.Level, child.Level+1)
		}
		n.I = len(nodes)
		nodes = append(nodes, n)
		return n
	}
	root = walk(c).I
	return nodes, root
}

// leafNode writes one comparison. Offers are checked when they are put; what stands in
// older ones and is not understood makes the comparison odd, so that it helps no
// permission and counts in every prohibition.
func (e *Engine) leafNode(c *schemas.Constraint, odd func(factory string) bool) node {
	n := node{Op: "leaf", Left: c.Left, Operator: c.Operator, Right: []string{}, Near: []string{}, Spans: []span{}}
	n.Odd = !slices.Contains(operands()[c.Left], c.Operator) || len(c.Right) == 0
	for _, r := range c.Right {
		value, err := e.vocabulary.understood(c.Left, r)
		if err != nil || c.Left == "factory" && odd(value) {
			n.Odd = true
			n.Right = append(n.Right, r) // shown in reasons
			continue
		}
		switch c.Left {
		case "purpose":
			value = e.vocabulary.purposes[r].ID
		case "recipient":
			n.Near = append(n.Near, spelling(value))
		case "dateTime":
			p, _ := schemas.ParsePeriod(value, false) // understood before
			n.Spans = append(n.Spans, spanOf(p))
		}
		n.Right = append(n.Right, value)
	}
	return n
}

// stage is the action of keeping data where it is computed on, as a copy that opens by lease
// alone [decisions.md 20], direct that of reading ranges of bytes by URL, straight from S3
// [decisions.md 19]. use does not include them: an offer that permits one says so.
const (
	stage  = "stage"
	direct = "direct"
)

// actions are what an offer may permit or prohibit, asks those of them that an ask is for: an
// agreement is for one of these, and may be for the others besides.
func actions() []string { return append(asks(), stage, direct) }

func asks() []string { return []string{"use", "read", "train"} }

// CheckOffer says whether the modules can judge an offer: known terms and values, within
// the limits, columns that exist. It writes values whose meaning is certain as they are
// understood: a country by its code. Errors: Invalid with a pointer per fault, what the
// registry fails with. It is the function that the catalogue calls before it stores an
// offer.
func (e *Engine) CheckOffer(ctx context.Context, o *schemas.Offer, tables []schemas.TableInfo) error {
	c := offerCheck{ctx: ctx, engine: e, tables: tables}
	if len(o.Rules) == 0 {
		c.fault("/rules", "an offer has at least one rule; without a permission nobody may use the data")
	}
	if len(o.Rules) > 64 {
		c.fault("/rules", "at most 64 rules")
	}
	for i := range o.Rules {
		c.rule(fmt.Sprintf("/rules/%d", i), &o.Rules[i])
	}
	c.review(o)
	if len(c.faults) == 0 || c.err != nil {
		return c.err
	}
	return &schemas.Error{Kind: schemas.Invalid, Subject: "offer", Message: "the offer cannot be judged", Fields: c.faults,
		Remedy: "fix the fields named; see docs/offers.md for the terms that are understood"}
}

// review takes "look at each request" from where people write it, the rule, to where it
// holds, the offer: a person looks at all requests or at none.
func (c *offerCheck) review(o *schemas.Offer) {
	first, permissions, reviewed := -1, 0, 0
	for i := range o.Rules {
		if o.Rules[i].Kind != schemas.Prohibition {
			permissions++
		}
		if !o.Rules[i].Review {
			continue
		}
		if o.Rules[i].Kind == schemas.Prohibition {
			c.fault(fmt.Sprintf("/rules/%d/review", i), "a prohibition forbids without a review")
			continue
		}
		reviewed++
		if first < 0 {
			first = i
		}
		o.Rules[i].Review = false
	}
	if reviewed == 0 {
		return
	}
	if reviewed < permissions && !o.Review {
		c.fault(fmt.Sprintf("/rules/%d/review", first),
			"a person looks at all requests of an offer or at none: write review: true beside rules, or in each permission")
	}
	o.Review = true
}

// offerCheck gathers the faults of an offer, within the bounds of what is compiled.
type offerCheck struct {
	ctx    context.Context // of one call of CheckOffer
	engine *Engine
	err    error // the registry's
	tables []schemas.TableInfo
	nodes  int                         // of one constraint, or of one filter
	values int                         // of one filter
	all    struct{ nodes, values int } // of the offer
	forbid bool                        // the rule that is looked at is a prohibition
	faults []schemas.FieldError
}

// fault notes what is wrong, by its pointer.
func (c *offerCheck) fault(pointer, format string, args ...any) {
	c.faults = append(c.faults, schemas.FieldError{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// spend counts a node and its values among the offer's, and gives false from the first one
// on that is too many: the rest is not looked at.
func (c *offerCheck) spend(at string, values int) bool {
	over := c.all.nodes > schemas.MaxOfferNodes || c.all.values > schemas.MaxOfferValues
	c.all.nodes++
	c.all.values += values
	if !over && (c.all.nodes > schemas.MaxOfferNodes || c.all.values > schemas.MaxOfferValues) {
		c.fault(at, "the offer is too large: its constraints and filters have at most %d nodes and %d values together",
			schemas.MaxOfferNodes, schemas.MaxOfferValues)
		return false
	}
	return !over
}

// rule checks one rule: its kind, actions, constraint and duties. A prohibition has no
// duties, since nothing is left to bind.
func (c *offerCheck) rule(at string, r *schemas.Rule) {
	c.forbid = r.Kind == schemas.Prohibition
	if r.Kind != schemas.Permission && r.Kind != schemas.Prohibition {
		c.fault(at+"/kind", "%q is neither permission nor prohibition", r.Kind)
	}
	if len(r.Actions) == 0 {
		c.fault(at+"/actions", "a rule names at least one action of %v", actions())
	}
	for i, a := range r.Actions {
		if !slices.Contains(actions(), a) {
			c.fault(fmt.Sprintf("%s/actions/%d", at, i), "%q is not an action known here; known are %v", a, actions())
		}
	}
	if r.Kind == schemas.Prohibition && len(r.Duties) > 0 {
		c.fault(at+"/duties", "a prohibition carries no duties")
	}
	c.nodes = 0
	if r.Constraint != nil {
		c.constraint(at+"/constraint", r.Constraint, 1)
	}
	for i := range r.Duties {
		c.duty(fmt.Sprintf("%s/duties/%d", at, i), &r.Duties[i])
		c.steps(fmt.Sprintf("%s/duties/%d", at, i), r.Duties[:i], &r.Duties[i])
	}
}

// constraint checks a constraint tree within the bounds of its size.
func (c *offerCheck) constraint(at string, k *schemas.Constraint, depth int) {
	c.nodes++
	if depth > schemas.MaxConstraintDepth || c.nodes > schemas.MaxConstraintNodes {
		if depth == schemas.MaxConstraintDepth+1 || c.nodes == schemas.MaxConstraintNodes+1 {
			c.fault(at, "the constraint is too large: at most %d levels and %d nodes", schemas.MaxConstraintDepth, schemas.MaxConstraintNodes)
		}
		return
	}
	if !c.spend(at, len(k.Right)) {
		return
	}
	forms := 0
	for _, is := range []bool{len(k.And) > 0, len(k.Or) > 0, k.Left != "" || k.Operator != "" || len(k.Right) > 0} {
		if is {
			forms++
		}
	}
	if forms != 1 {
		c.fault(at, "a constraint is either and, or, or one comparison")
		return
	}
	for i := range k.And {
		c.constraint(fmt.Sprintf("%s/and/%d", at, i), &k.And[i], depth+1)
	}
	for i := range k.Or {
		c.constraint(fmt.Sprintf("%s/or/%d", at, i), &k.Or[i], depth+1)
	}
	if k.Left != "" || k.Operator != "" || len(k.Right) > 0 {
		c.leaf(at, k)
	}
}

// leaf checks a comparison: that the operand is known, that the operator goes with it,
// and that its values are such.
func (c *offerCheck) leaf(at string, k *schemas.Constraint) {
	ops, known := operands()[k.Left]
	if !known {
		c.fault(at+"/left", "%q is not an operand known here; known are call, dateTime, factory, purpose, recipient, "+
			"recipientKind, spatial", k.Left)
		return
	}
	if !slices.Contains(ops, k.Operator) {
		c.fault(at+"/operator", "%q does not go with %s; what goes is %v", k.Operator, k.Left, ops)
	}
	if len(k.Right) == 0 || len(k.Right) > 256 {
		c.fault(at+"/right", "between 1 and 256 values")
		return
	}
	if len(k.Right) > 1 && slices.Contains([]string{"eq", "neq", "lt", "lteq", "gt", "gteq"}, k.Operator) {
		c.fault(at+"/right", "%s takes one value", k.Operator)
	}
	for i := range k.Right {
		c.value(fmt.Sprintf("%s/right/%d", at, i), k.Left, k.Operator, &k.Right[i])
	}
}
