package report

import "guichet/schemas"

// often is how often something happened.
type often struct {
	amount
	n int64
}

// refusals counts what rules refused, with no word about whom.
func refusals(m *making) error {
	var rules, asked groups[often]
	count := func(in *groups[often], rule string, r *record, n int64) error {
		x, err := in.of(rule)
		if err == nil {
			x.n += n
			x.reach(r.day())
		}
		return err
	}
	w := wanted{schemas.ChangeRefusal: {"rule"}, schemas.ChangeRequest: {"state", "rules"}, schemas.ChangeReview: {"decision"}}
	err := m.each(m.query, w, func(r *record) error {
		switch {
		case r.leaf.kind == schemas.ChangeRefusal: // the first of a minute, or how many more there were
			return count(&rules, r.value("rule"), r, max(1, r.leaf.number("more")))
		case r.value("state") == string(schemas.RequestRefused):
			return count(&asked, r.value("rules"), r, 1)
		case r.value("decision") == "refuse":
			return count(&asked, "by who reviewed it", r, 1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	cells := func(x *often) []Cell { return []Cell{number(x.n), text(x.first), text(x.last)} }
	m.doc.add("rules", "Calls refused at the doors", OfRecord, "rule refusals first last", rules.cells(cells))
	m.doc.add("requests", "Requests refused", OfRecord, "rules requests first last", asked.cells(cells))
	return nil
}
