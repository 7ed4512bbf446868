package catalog

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"guichet/connectors/dcatap/licence"
	"guichet/schemas"
)

// checkLicences calls licences by the names that filters ask for, and checks them. The dataset's are
// those of its links too, where some have their own; where all have the same, it is the dataset's.
func checkLicences(fault faulter, d *schemas.Dataset) {
	said := append([]string{d.Licence}, d.Licences...)
	for i := range d.Links { // normal made them its own
		l := &d.Links[i]
		l.Licence = licence.ID(l.Licence)
		if l.Licence != "" {
			said = append(said, l.Licence)
		}
	}
	d.Licence, d.Licences = licence.Strictest(said)
	for i := range d.Links {
		if len(d.Licences) == 0 {
			d.Links[i].Licence = ""
		}
		checkLicence(fault, fmt.Sprintf("/links/%d/licence", i), d.Links[i].Licence)
	}
	for _, l := range append([]string{d.Licence}, d.Licences...) {
		if !checkLicence(fault, "/licence", l) {
			break
		}
	}
	if len(d.Licences) > 100 {
		fault("/licences", "there are %d licences; at most 100 are kept", len(d.Licences))
	}
}

// checkLicence says whether a text names a licence.
func checkLicence(fault faulter, at, l string) bool {
	if l == "" || isLicence(l) {
		return true
	}
	fault(
		at,
		"%q is not a licence's name: write its SPDX id, such as CC-BY-4.0, or the URL of its text; for a text of your own "+
			"LicenseRef-NAME; who may do what stands in the terms (guichet offer)",
		l,
	)
	return false
}

// spdx is an SPDX id, or several joined by an expression's words.
var spdx = regexp.MustCompile(`^\(*[A-Za-z0-9][A-Za-z0-9.+:-]*\)*( (AND|OR|WITH) \(*[A-Za-z0-9][A-Za-z0-9.+:-]*\)*)*$`)

// isLicence says whether a text names a licence: an SPDX id or expression, or the IRI of
// its text.
func isLicence(s string) bool {
	u, err := url.Parse(s)
	return spdx.MatchString(s) || err == nil && u.IsAbs() && !strings.ContainsAny(s, " \t\n")
}
