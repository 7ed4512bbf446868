package policy

import (
	"slices"
	"strings"

	"guichet/schemas"
)

// TemplateParams fill an offer template.
type TemplateParams struct {
	Attribution string   // words to give with the data
	Hide        []string // columns never shown
	Rows        int64    // budget per project; 0 = none
	Review      bool     // the holder looks at each request, whatever the template
	Stage       bool     // the data may be staged, which an open one permits by itself
	Direct      bool     // the data may be read by URL, straight from S3
}

// Templates names the ready-made offers.
func Templates() []string {
	return []string{
		"open-with-attribution", "research-only", "non-commercial", "research-and-development", "ask-the-holder",
		"health-with-review",
	}
}

// notForProfit are the purposes that are non-commercial by their own meaning. Training a
// model, developing a product or improving care may be either, so they are none of them:
// who trains for research asks for the research, and to train.
func notForProfit() []string {
	return []string{"scientific-research", "non-commercial-research", "education", "public-health", "policy-making", "official-statistics"}
}

// Template makes an offer from a named template. Errors: Invalid for an unknown
// name.
func Template(name string, p TemplateParams) (schemas.Offer, error) {
	if !slices.Contains(Templates(), name) {
		return schemas.Offer{}, schemas.BadField("offer", "/template", "%q is not a template; there are %s", name,
			strings.Join(Templates(), ", "))
	}
	o := schemas.Offer{Template: name, Follow: true}
	permit := schemas.Rule{Kind: schemas.Permission, Actions: []string{"use"}}
	if p.Stage || name == "open-with-attribution" {
		permit.Actions = append(permit.Actions, stage)
	}
	if p.Direct {
		permit.Actions = append(permit.Actions, direct)
	}
	if p.Attribution != "" {
		permit.Duties = append(permit.Duties, schemas.Duty{Kind: schemas.DutyAttribute, Text: p.Attribution})
	}
	if len(p.Hide) > 0 {
		permit.Duties = append(permit.Duties, schemas.Duty{Kind: schemas.DutyHide, Columns: p.Hide})
	}
	if p.Rows > 0 {
		permit.Duties = append(permit.Duties, schemas.Duty{Kind: schemas.DutyBudget, Rows: p.Rows})
	}
	switch name {
	case "research-only":
		permit.Constraint = &schemas.Constraint{
			Left:     "purpose",
			Operator: "isA",
			Right:    []string{"scientific-research", "non-commercial-research"},
		}
	case "non-commercial":
		permit.Constraint = &schemas.Constraint{Left: "purpose", Operator: "isA", Right: notForProfit()}
	case "research-and-development":
		permit.Constraint = &schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{"research"}}
		o.Rules = append(o.Rules, forbidMarketing())
	case "ask-the-holder":
		o.Review = true
		o.Follow = false
		o.Rules = append(o.Rules, forbidMarketing())
	case "health-with-review":
		o.Review = true
		o.Follow = false
		permit.Constraint = &schemas.Constraint{And: []schemas.Constraint{
			{Left: "purpose", Operator: "isA", Right: []string{"research", "public-health", "official-statistics", "improve-care"}},
			{Left: "spatial", Operator: "isAnyOf", Right: []string{"EU", "EEA"}},
		}}
	}
	if p.Review { // who looks at each request looks at each version
		o.Review, o.Follow = true, false
	}
	o.Rules = append([]schemas.Rule{permit}, o.Rules...)
	return o, nil
}

// forbidMarketing is the prohibition that the templates for research have beside what
// they permit.
func forbidMarketing() schemas.Rule {
	return schemas.Rule{Kind: schemas.Prohibition, Actions: []string{"use"},
		Constraint: &schemas.Constraint{Left: "purpose", Operator: "isA", Right: []string{"marketing"}}}
}
