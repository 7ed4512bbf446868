package operate

import (
	"net/http"
	"strconv"

	"guichet/catalog/demand"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// demandPage is what people look for and do not find: as the API tells it to who asks, so a provider reads of her own
// data spaces.
type demandPage struct {
	Items []demand.Sought `json:"items"`
	Few   int             `json:"few"`
	Note  string          `json:"note"`
	Bars  []bar           `json:"-"`
	High  int             `json:"-"` // of the picture
	All   bool            `json:"-"` // the person reads of every data space
}

// bar is one of the picture: its length in parts of a thousand.
type bar struct {
	Words        string
	Y, At, Width int
	Count        string
}

// Of the picture: how many bars, and how far they stand apart.
const (
	mostBars = 12
	apart    = 30
)

// sought shows them: the most sought as a picture, all as a table.
func sought(v *page.Visit) error {
	var body demandPage
	err := v.API.Get(v.Ctx(), "/demand?limit=200", &body)
	if err != nil {
		return err
	}
	for i := range body.Items[:min(len(body.Items), mostBars)] {
		s := &body.Items[i]
		body.Bars = append(body.Bars, bar{Words: page.Cut(40, s.Words), Y: i * apart, At: i*apart + 14,
			Width: max(int(600*s.Count/max(body.Items[0].Count, 1)), 3), Count: strconv.FormatInt(s.Count, 10)})
	}
	body.High, body.All = len(body.Bars)*apart+2, v.Has(schemas.RoleOperator) || v.Has(schemas.RoleOfficer)
	v.Show(http.StatusOK, "demand", v.Reader.T("demand.title"), &body)
	return nil
}
