package policy

import (
	"fmt"
	"strings"

	"guichet/schemas"
)

// askForTerms is what helps where the terms are in the way.
const askForTerms = "ask the provider to change the terms"

// streamIt is what helps where data are not read by URL.
const streamIt = "stream the data: that is cut when it must be"

// NotByURL says why nothing of an agreement is read by URL, straight from S3, for a job at a
// factory; nil where its terms, as they stand, permit it [decisions.md 19]. Terms hold for what a
// gateway sends, and whoever has a URL reads an object as it lies: from anywhere, as often as the
// URL's time allows, uncounted.
func NotByURL(a *schemas.Agreement, f *schemas.Factory) *schemas.Reason {
	if !a.Direct {
		if a.NotDirect != nil {
			return a.NotDirect
		}
		return &schemas.Reason{Rule: "agreement.direct", Source: "the agreement", Text: "its terms permit no reading by URL",
			Remedy: streamIt + "; or ask the provider to offer it (direct), and ask again"}
	}
	return notByURL(a.Obligations, a.Columns, f)
}

// notByURL judges what is demanded of a use, the columns that it is for (none: all), and its place.
func notByURL(duties []schemas.Duty, columns []string, f *schemas.Factory) *schemas.Reason {
	for i := range duties {
		d := &duties[i]
		why := ""
		switch d.Kind {
		case schemas.DutyAttribute:
		case schemas.DutyFactory:
			if d.Enforced {
				why = "the place is to be proven, and a URL is read from anywhere"
			}
		case schemas.DutyBudget:
			why = "a budget bounds what is read, and what is read by URL nobody counts"
		default: // hide, pseudonymise, generalise, filter, and what is not known here
			why = fmt.Sprintf("the terms demand %s, and a URL shows the object as it lies", d.Kind)
		}
		if why != "" {
			return &schemas.Reason{Rule: d.Rule, Source: d.Source, Text: why, Remedy: streamIt}
		}
	}
	if len(columns) > 0 {
		return &schemas.Reason{Rule: "agreement.columns", Source: "the agreement", Remedy: streamIt,
			Text: "it covers some columns, " + strings.Join(columns[:min(len(columns), 5)], ", ") + ", and a URL shows all"}
	}
	if len(f.Egress) > 0 {
		return &schemas.Reason{Rule: "agreement.place", Source: "the agreement", Remedy: streamIt,
			Text: fmt.Sprintf("streams open only from the network of %s, and a URL is read from anywhere", f.ID)}
	}
	return nil
}

// ByURL says whether what a grant opens may be read by URL. Errors: Denied.
func ByURL(g Grant) error {
	if !g.Valid() {
		return fmt.Errorf("give a URL: the grant did not come from policy.Authorize")
	}
	why := NotByURL(&g.terms, &g.factory)
	item, _ := leaseItem(&g.lease, g.terms.ID)
	switch {
	case why != nil:
	case len(item.Columns) > 0:
		why = &schemas.Reason{Rule: "lease.columns", Source: "the lease", Text: "the lease is for some columns, and a URL shows all",
			Remedy: streamIt + "; or ask for a lease without columns"}
	case g.lease.CopyFilled() != "":
		why = &schemas.Reason{Rule: "lease.copy", Source: "the lease", Text: "what fills a staged copy is encrypted on its way", Remedy: streamIt}
	default:
		return nil
	}
	return refuse(g.want, why.Rule, why.Source, why.Text, why.Remedy)
}
