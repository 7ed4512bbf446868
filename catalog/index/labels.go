package index

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"guichet/schemas"
)

// themes are the EU's data themes in English [EU authority table data-theme].
func themes() map[string]string {
	return map[string]string{
		"AGRI": "Agriculture, fisheries, forestry and food", "ECON": "Economy and finance", "EDUC": "Education, culture and sport",
		"ENER": "Energy", "ENVI": "Environment",
		"GOVE": "Government and public sector", "HEAL": "Health", "INTR": "International issues",
		"JUST": "Justice, legal system and public safety", "OP_DATPRO": "Provisional data",
		"REGI": "Regions and cities", "SOCI": "Population and society", "TECH": "Science and technology", "TRAN": "Transport",
	}
}

// Label names the values of facets whose values are codes, in English.
func Label(facets map[string]schemas.Facet, profiles []schemas.SpaceProfile) {
	spaces := map[string]string{}
	for _, p := range profiles {
		spaces[string(p.ID)] = p.Title["en"]
	}
	regions, languages := display.English.Regions(), display.English.Languages()
	for name, f := range facets {
		for i := range f.Values {
			v := &f.Values[i]
			switch name {
			case "space":
				v.Label = spaces[v.Value]
			case "theme":
				v.Label = themes()[v.Value]
			case "country":
				r, err := language.ParseRegion(v.Value)
				if err == nil {
					v.Label = regions.Name(r)
				}
			case "language":
				t, err := language.All.Parse(v.Value)
				if err == nil {
					v.Label = languages.Name(t)
				}
			}
		}
	}
}
