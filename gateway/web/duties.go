package web

import (
	"guichet/gateway/web/words"
	"guichet/schemas"
)

// duty says a duty in words.
func duty(r *words.Reader, d *schemas.Duty) string {
	columns := r.List(d.Columns)
	switch d.Kind {
	case schemas.DutyHide:
		return r.T("duty.hide", "Columns", columns)
	case schemas.DutyPseudonymise:
		if d.Domain != "" {
			return r.T("duty.joint", "Columns", columns, "Domain", d.Domain, "Parties", r.List(d.With))
		}
		return r.T("duty.pseudonymise", "Columns", columns)
	case schemas.DutyGeneralise:
		return r.T("duty.generalise", "Columns", columns, "To", named(r, "step.", d.To))
	case schemas.DutyFilter:
		return r.T("duty.filter")
	case schemas.DutyBudget:
		if d.Rows > 0 {
			return r.T("duty.rows", "Count", d.Rows)
		}
		return r.T("duty.bytes", "Size", r.Size(d.Bytes))
	case schemas.DutyFactory:
		if len(d.Values) > 0 {
			return r.T("duty.factory", "Places", r.List(d.Values))
		}
		return r.T("duty.place")
	case schemas.DutyAttribute:
		return r.T("duty.attribute", "Text", d.Text)
	}
	return d.Kind
}
