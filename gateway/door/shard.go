package door

import (
	"net/http"
	"strconv"
	"strings"
	"time"

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
func headOf(f *file.File) FileHead {
	return HeadOf(f, func(tag string) string { return `"` + tag + `"` }, time.Time{})
}

// object answers GET and HEAD of one object by its name, as it lies in its store.
func (d *Door) object(c *gin.Context) {
	err := named(c, []string{"version", "run"})
	if err != nil {
		d.fail(c, err)
		return
	}
	g, err := d.grant(c, "object", 0, plan.Ask{})
	if err != nil {
		d.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	f, err := d.Stream.Object(ctx, g, strings.TrimPrefix(c.Param("name"), "/"))
	if err == nil && f == nil {
		err = schemas.Errorf(schemas.NotFound, "object", "the table %s has rows, and no objects: its shards are …/tables/%[1]s/%s/0.arrow, …",
			c.Param("table"), c.Param("split"))
	}
	if err != nil {
		d.fail(c, err)
		return
	}
	a := AnswerFile(c.Writer, c.Request, headOf(f), HasBudget(g))
	if c.Request.Method == http.MethodHead || !a.Bytes() || a.Range.N == 0 {
		a.Head()
		return
	}
	defer func() { c.Set(socketBytes, a.Passed()) }()
	err = d.Stream.Files.Send(ctx, g, f, a.Range, a, func() { CutOff(c.Writer, c.Request) })
	d.ended(c, string(g.Agreement().Dataset), a, err)
}
