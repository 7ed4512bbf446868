package door

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/schemas"
)

// shard answers GET and HEAD of one shard by name.
func (d *Door) shard(c *gin.Context) {
	digits, ok := strings.CutSuffix(c.Param("file"), ".arrow")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || strconv.Itoa(n) != digits {
		d.fail(c, schemas.Errorf(schemas.NotFound, c.Param("file"), "there is no file %q here; a shard is 0.arrow, 1.arrow, …", c.Param("file")))
		return
	}
	err = named(c, []string{"version", "columns", "run", "table", "split"})
	for _, key := range []string{"table", "split"} { // they may repeat the path
		if said := c.Query(key); err == nil && said != "" && said != c.Param(key) {
			err = schemas.BadField("stream", key, "the path says %q and the query %q", c.Param(key), said)
		}
	}
	if err != nil {
		d.fail(c, err)
		return
	}
	g, err := d.grant(c, "shard", 0, plan.Ask{})
	if err != nil {
		d.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	src, err := d.Stream.Source(ctx, g)
	if err != nil {
		d.fail(c, err)
		return
	}
	f, err := d.Stream.Files.Look(src, n)
	if err != nil {
		d.fail(c, err)
		return
	}
	// What needs no bytes makes no file: nothing of it would be recorded.
	if a := AnswerFile(c.Writer, c.Request, headOf(f), HasBudget(g)); c.Request.Method == http.MethodHead || !a.Bytes() {
		a.Head()
		return
	}
	f, err = d.Stream.Files.Open(ctx, src, n, g.Lease().Participant)
	if err != nil {
		d.fail(c, err)
		return
	}
	defer f.Close()
	a := AnswerFile(c.Writer, c.Request, headOf(f), HasBudget(g))
	if !a.Bytes() {
		a.Head()
		return
	}
	defer func() { c.Set(socketBytes, a.Passed()) }()
	err = d.Stream.Files.Send(ctx, g, f, a.Range, a, func() { CutOff(c.Writer, c.Request) })
	d.ended(c, string(src.Version.Dataset), a, err)
}

// headOf is what is known of a file.
func headOf(f *file.File) FileHead { return FileHead{ETag: `"` + f.ETag + `"`, Size: f.Size} }
