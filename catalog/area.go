package catalog

import (
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/geo"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// checkArea checks the regions and the box that the data is about. The countries in which the regions
// lie are among the dataset's.
func checkArea(fault faulter, places *rdf.Places, d *schemas.Dataset) {
	d.Regions = slices.Clone(d.Regions)
	for i := range d.Regions {
		code := strings.ToUpper(strings.TrimSpace(d.Regions[i]))
		if named, _ := geo.Region(d.Regions[i]); named != "" { // its address
			code = named
		}
		d.Regions[i] = code
		at := fmt.Sprintf("/regions/%d", i)
		country, known := places.Code(geo.Country(code))
		switch {
		case !geo.IsRegion(code):
			fault(at, "%q is not a region's code; write that of NUTS, such as BE10; a country stands in countries", schemas.Visible(code))
		case !known:
			fault(at, "%q is not a region's code: NUTS has no country %s", code, geo.Country(code))
		case slices.Contains(d.Regions[:i], code):
			fault(at, "the region %s is given twice", code)
		case !slices.Contains(d.Countries, country):
			d.Countries = append(d.Countries, country)
		}
	}
	if len(d.Regions) > 1000 {
		fault("/regions", "there are %d regions; at most 1000 are kept: name those around them", len(d.Regions))
	}
	if len(d.Box) == 0 {
		d.Box = nil
		return
	}
	_, err := geo.FromSlice(d.Box)
	if err != nil {
		fault("/box", "%s", geo.Why(err))
	}
}
