package schemas

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Offer is a dataset's terms: an ODRL offer as a typed tree. It is data for the
// policy modules, never code [decisions.md 23]. Every reader of ODRL ends here
// (connectors/odrl); what it cannot express is refused when the offer is put.
type Offer struct {
	Template string `json:"template,omitempty" doc:"name of the template it was made from"`
	Title    Text   `json:"title,omitempty"`
	Rules    []Rule `json:"rules" doc:"permissions and prohibitions; a prohibition wins"`
	Review   bool   `json:"review,omitempty" doc:"the holder or access body looks at each request"`
	Follow   bool   `json:"follow,omitempty" doc:"agreements cover later versions too"`
}

// ForEveryone says whether an offer permits everybody to use the data, without a look at the
// request; no offer permits nobody.
func (o *Offer) ForEveryone() bool {
	if o == nil || o.Review || len(o.Rules) == 0 {
		return false
	}
	return !slices.ContainsFunc(o.Rules, func(r Rule) bool {
		return r.Kind != Permission || r.Constraint != nil || r.Review || !slices.Contains(r.Actions, "use")
	})
}

// Edits says whether terms change or filter what is read: then nobody reads what is stored.
func (o *Offer) Edits() bool {
	return o != nil && slices.ContainsFunc(o.Rules, func(r Rule) bool {
		return slices.ContainsFunc(r.Duties, func(d Duty) bool {
			return slices.Contains([]string{DutyHide, DutyPseudonymise, DutyGeneralise, DutyFilter}, d.Kind)
		})
	})
}

// RuleKind is permission or prohibition.
type RuleKind string

// The two kinds of rule [ODRL 2.2 §2.6].
const (
	Permission  RuleKind = "permission"
	Prohibition RuleKind = "prohibition"
)

// Rule is one ODRL rule. A permission without constraint holds for everybody.
type Rule struct {
	ID         string      `json:"id,omitempty" doc:"shown in reasons; §1, §2 … when left out"`
	Kind       RuleKind    `json:"kind" enum:"permission,prohibition"`
	Actions    []string    `json:"actions" doc:"use, read, train; use includes these. stage: beside its use the data may be kept as a copy that opens by lease; direct: and read by URL, straight from S3"`
	Constraint *Constraint `json:"constraint,omitempty"`
	Duties     []Duty      `json:"duties,omitempty" doc:"obligations of a permission"`
	Review     bool        `json:"review,omitempty" doc:"the same as the offer's review, which it becomes: of an offer with several permissions all of them or none"`
}

// Constraint is a node: either And or Or with children, or a leaf
// (Left, Operator, Right).
type Constraint struct {
	And      []Constraint `json:"and,omitempty"`
	Or       []Constraint `json:"or,omitempty"`
	Left     string       `json:"left,omitempty" doc:"purpose, recipient, recipientKind, spatial, dateTime, factory, call"`
	Operator string       `json:"operator,omitempty" doc:"eq neq isA isAnyOf isNoneOf lt lteq gt gteq"`
	Right    []string     `json:"right,omitempty"`
}

// The limits of a constraint tree [decisions.md 23].
const (
	MaxConstraintDepth = 16
	MaxConstraintNodes = 1024
)

// The limits of a filter, whose levels are those of a constraint, and of all constraints
// and filters of an offer together. An offer is judged in every search that finds it,
// and a filter on every row.
const (
	MaxFilterNodes  = 1024
	MaxFilterValues = 1000
	MaxOfferNodes   = 2048
	MaxOfferValues  = 4096
)

// Obligation kinds: what a yes demands. The terms of our own stand under
// urn:guichet:odrl: [decisions.md 33b].
const (
	DutyAttribute    = "attribute"    // Text: the words to give
	DutyHide         = "hide"         // Columns
	DutyPseudonymise = "pseudonymise" // Columns; Domain, With
	DutyGeneralise   = "generalise"   // Columns, To
	DutyFilter       = "filter"       // Filter
	DutyBudget       = "budget"       // Rows, Bytes
	DutyFactory      = "factory"      // Values: where it may run
)

// Duty is one obligation. Which members count depends on Kind.
type Duty struct {
	Kind     string   `json:"kind" enum:"attribute,hide,pseudonymise,generalise,filter,budget,factory"`
	Table    string   `json:"table,omitempty" doc:"the only table it binds; every table when left out"`
	Columns  []string `json:"columns,omitempty"`
	Domain   string   `json:"domain,omitempty" maxLength:"64" doc:"pseudonymise: joint domain; the columns that name it with the same parties get pseudonyms that join inside a permit"`
	With     []string `json:"with,omitempty" maxItems:"32" doc:"pseudonymise: the other providers of the joint domain, each of which has to name this one too; in decisions and agreements all of its parties"`
	To       string   `json:"to,omitempty" doc:"generalise: year, month, day, hour; 10, 100 …: width of steps; or n characters: first:3"`
	Filter   *Filter  `json:"filter,omitempty"`
	Rows     int64    `json:"rows,omitempty" doc:"budget in rows for a project, over all of its agreements on the dataset; 0 = no limit"`
	Bytes    int64    `json:"bytes,omitempty" doc:"budget in bytes, likewise; 0 = no limit"`
	Values   []string `json:"values,omitempty"`
	Text     string   `json:"text,omitempty"`
	Enforced bool     `json:"enforced,omitempty" doc:"factory: only with proof of the place, never by declaration [decisions.md 5]"`
	Rule     string   `json:"rule,omitempty" doc:"which rule demands it" readOnly:"true"`
	Source   string   `json:"source,omitempty" doc:"offer, space baseline, EU law" readOnly:"true"`
}

// Divides says whether a duty shows a part of a table or changes it. Objects are given whole or
// not at all, so that it cannot be kept on a table of them.
func (d *Duty) Divides(table string) bool {
	switch d.Kind {
	case DutyAttribute, DutyBudget, DutyFactory:
		return false
	}
	return d.Table == "" || d.Table == table
}

// Filter is a closed expression tree over the columns of a row: it says which
// rows stay. A row with null in a column that is named does not match, also
// under Not [decisions.md 11].
type Filter struct {
	And    []Filter `json:"and,omitempty"`
	Or     []Filter `json:"or,omitempty"`
	Not    *Filter  `json:"not,omitempty"`
	Column string   `json:"column,omitempty"`
	Op     string   `json:"op,omitempty" doc:"eq neq lt lteq gt gteq in"`
	Values []string `json:"values,omitempty" doc:"one value; several for in; now and now-P1Y for dates"`
}

// Coarser is the step of two, as in Duty.To, whose values say nothing that those of the
// other do not: the longer time, the wider width where it is a multiple of the other,
// the fewer characters. It is false where neither is.
func Coarser(a, b string) (string, bool) {
	times := []string{"hour", "day", "month", "year"}
	x, y := slices.Index(times, a), slices.Index(times, b)
	if x >= 0 && y >= 0 {
		return times[max(x, y)], true
	}
	m, texts := strings.CutPrefix(a, "first:")
	n, both := strings.CutPrefix(b, "first:")
	if texts && both {
		i, err := strconv.Atoi(m)
		j, err2 := strconv.Atoi(n)
		return "first:" + strconv.Itoa(min(i, j)), err == nil && err2 == nil
	}
	if strings.Trim(a+b, "0123456789.") != "" { // a big exponent would take all memory
		return "", false
	}
	v, ok := new(big.Rat).SetString(a)
	w, ok2 := new(big.Rat).SetString(b)
	if !ok || !ok2 || v.Sign() <= 0 || w.Sign() <= 0 {
		return "", false
	}
	if v.Cmp(w) < 0 {
		a, v, w = b, w, v
	}
	return a, v.Quo(v, w).IsInt()
}
