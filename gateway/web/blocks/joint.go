package blocks

import (
	"fmt"
	"slices"
	"strings"

	"guichet/schemas"
)

// Columns that name one joint domain get pseudonyms that join inside a permit: those of one provider's data by the name
// alone, those of several where each names the domain and all the others. A form says the name beside each column, and once
// for each domain with whom it is shared.

// Domain is with whom a joint domain is shared.
type Domain struct{ Name, With string }

// Domains reads them from a form: two fields for each, in one order.
func (f Form) Domains() []Domain {
	var out []Domain
	for i := range f["domain"][:min(len(f["domain"]), mostRows)] {
		out = append(out, Domain{f.at("domain", i), f.at("with", i)})
	}
	return out
}

// setDomains puts them.
func (f Form) setDomains(list []Domain) {
	delete(f, "domain")
	delete(f, "with")
	for _, d := range list {
		f["domain"], f["with"] = append(f["domain"], d.Name), append(f["with"], d.With)
	}
}

// parties are those of a domain, and the field that names them.
type parties struct {
	with  []string
	field string
}

// domains are with whom the form shares each joint domain. One that no column is in would be lost.
func (m *Made) domains(f Form) map[string]parties {
	out, used := map[string]parties{}, map[string]bool{}
	for _, c := range f.Treated() {
		used[c.Step] = used[c.Step] || c.How == Joint
	}
	for i, d := range f.Domains() {
		field := fmt.Sprintf("domain-%d", i)
		switch _, twice := out[d.Name]; {
		case d.Name == "" && d.With == "":
		case d.Name == "":
			m.fault(field, "say what the joint domain is called")
		case twice:
			m.fault(field, "the joint domain %q is named twice", d.Name)
		case !used[d.Name]:
			m.fault(field, "no column is pseudonymised in the joint domain %q", d.Name)
		default:
			out[d.Name] = parties{Split(d.With), fmt.Sprintf("with-%d", i)}
		}
	}
	return out
}

// domain fills in with whom a duty shares its joint domain.
func (f Form) domain(d *schemas.Duty) {
	list := f.Domains()
	if len(d.With) == 0 || slices.ContainsFunc(list, func(x Domain) bool { return x.Name == d.Domain }) {
		return
	}
	f.setDomains(append(list, Domain{d.Domain, strings.Join(d.With, ", ")}))
}
