// Package reports gives reports of the record away: as JSON, as CSV, and the dossier of a project.
//
// In: requests without a body. Out: documents of policy/report. Always: whoever is no officer has
// reports of what concerns her alone, and what names something that officers could not find is not
// answered with an empty report; a parameter that is not known is refused, since it would find too
// much. It must not count anything itself.
//
//	GET /reports                     which there are, with their parameters
//	GET /reports/{name}              one: JSON, or by Accept or format=csv one of its tables as CSV
//	GET /reports/dossier             a project's, as a zip
//
// With at=SIZE a report is as at the checkpoint of that size; without, as at the newest, whose size it says.
package reports

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/policy/audit"
	"guichet/policy/report"
	"guichet/policy/report/dossier"
	"guichet/schemas"
)

// CSV is the media type of tables.
const CSV = "text/csv"

// Door gives reports.
type Door struct {
	Reports *report.Reports
	Dossier *dossier.Maker
	// Dataset describes a dataset as it is now, as the caller may see it.
	Dataset func(ctx context.Context, by schemas.Principal, id schemas.DatasetID) (schemas.Dataset, error)
	// Sought lists what was looked for and not found.
	Sought func(ctx context.Context) ([]report.Sought, error)
	// Known says to who may see all that what is filtered by does not exist.
	Known  func(ctx context.Context, by schemas.Principal, q audit.Query) error
	By     func(c *gin.Context) schemas.Principal
	Refuse func(c *gin.Context, by schemas.Principal, err error)
}

// Mount puts reports at a group's addresses.
func (d *Door) Mount(g *gin.RouterGroup) {
	g.GET("/reports", d.list)
	g.GET("/reports/:name", d.one)
	g.GET("/reports/dossier", d.dossier)
}

// list says which reports there are. Who may have them is no secret.
func (d *Door) list(c *gin.Context) {
	c.JSON(http.StatusOK, schemas.Page[report.Kind]{Items: report.Kinds()})
}

// Keys are the parameters of every report, beside its own.
func Keys() []string { return []string{"at", "beside", "format", "rows", "table"} }

// asked reads what is asked for. Errors: Invalid.
func asked(name string, q url.Values) (ask report.Ask, err error) {
	ask = report.Ask{Name: name, Parameters: map[string]string{}}
	for key, values := range q {
		switch {
		case len(values) > 1:
			return ask, schemas.BadField("report", key, "it is given twice")
		case !slices.Contains(Keys(), key) && values[0] != "":
			ask.Parameters[key] = values[0]
		}
	}
	ask.At, err = whole(q, "at", 1, 1<<53)
	return ask, err
}

// whole reads a parameter that is a whole number; 0 where there is none. Errors: Invalid.
func whole(q url.Values, key string, least, most int64) (int64, error) {
	said := q.Get(key)
	if said == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(said, 10, 64)
	if err != nil || n < least || n > most {
		return 0, schemas.BadField("report", key, "%.30q is no whole number from %d to %d", said, least, most)
	}
	return n, nil
}

// make makes what a request asks for.
func (d *Door) make(c *gin.Context, by schemas.Principal) (*report.Document, error) {
	ctx, q := c.Request.Context(), c.Request.URL.Query()
	ask, err := asked(c.Param("name"), q)
	if err != nil {
		return nil, err
	}
	switch q.Get("beside") {
	case "", "false":
	case "true":
		ask.Dataset = func(ctx context.Context, id schemas.DatasetID) (schemas.Dataset, error) {
			return d.Dataset(ctx, by, id)
		}
		ask.Sought = d.Sought
	default:
		return nil, schemas.BadField("report", "beside", "write true, or leave it out")
	}
	doc, err := d.Reports.Make(ctx, by, ask)
	if err != nil {
		return nil, err
	}
	if doc.Records.Count == 0 { // of something that is not there an empty report would read as "nothing happened"
		err = d.Known(ctx, by, ask.Query())
	}
	return doc, err
}

// one gives a report as JSON, or a table of it as CSV.
func (d *Door) one(c *gin.Context) {
	by, q := d.By(c), c.Request.URL.Query()
	format := q.Get("format")
	if format == "" && c.GetHeader("Accept") == CSV {
		format = "csv"
	}
	rows, err := whole(q, "rows", 1, 1_000_000)
	if err == nil && !slices.Contains([]string{"", "json", "csv"}, format) {
		err = schemas.BadField("report", "format", "a report is written as json or csv")
	}
	var doc *report.Document
	if err == nil {
		doc, err = d.make(c, by)
	}
	var table *report.Table
	if err == nil {
		table, err = doc.Table(q.Get("table"))
	}
	if err != nil {
		d.Refuse(c, by, err)
		return
	}
	if rows > 0 {
		doc.Shorten(int(rows))
	}
	name := fmt.Sprintf("%s-at-%d", doc.Report, doc.Checkpoint.Size)
	c.Header("Cache-Control", "no-store")
	if format != "csv" {
		b, err := doc.JSON()
		if err != nil {
			d.Refuse(c, by, err)
			return
		}
		c.Header("Content-Disposition", `inline; filename="`+name+`.json"`)
		c.Data(http.StatusOK, "application/json", b)
		return
	}
	var b bytes.Buffer
	err = table.CSV(&b)
	if err != nil {
		d.Refuse(c, by, err)
		return
	}
	c.Header("Content-Disposition", `attachment; filename="`+strings.Replace(name, "-at-", "-"+table.Name+"-at-", 1)+`.csv"`)
	c.Data(http.StatusOK, CSV+"; charset=utf-8; header=present", b.Bytes())
}

// dossier gives all there is about a project, to be kept.
func (d *Door) dossier(c *gin.Context) {
	by := d.By(c)
	ask, err := asked("project", c.Request.URL.Query())
	var b []byte
	var size int64
	if err == nil {
		b, size, err = d.Dossier.Make(c.Request.Context(), by, ask)
	}
	if err == nil && size == 0 {
		err = d.Known(c.Request.Context(), by, ask.Query())
		if err == nil { // the same answer whether or not there is one
			err = schemas.Errorf(schemas.NotFound, "project", "nothing of that project in the record is yours to read")
		}
	}
	if err != nil {
		d.Refuse(c, by, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="dossier-at-%d.zip"`, size))
	c.Data(http.StatusOK, "application/zip", b)
}
