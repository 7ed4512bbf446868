package door

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"guichet/connectors/ipc"
	"guichet/gateway/stream"
	"guichet/gateway/stream/plan"
	"guichet/policy"
	"guichet/schemas"
)

// SchemaKey of a stream says "only" when its schema alone is wanted: Flight's GetSchema.
const SchemaKey = "schema"

// stream answers GET and HEAD of a rank's stream. A HEAD and a schema are no data, and
// open no release: they do not foretell what only its begin decides, whether a budget
// is spent and there is room.
func (d *Door) stream(c *gin.Context) {
	g, p, err := d.plan(c)
	if err != nil {
		d.fail(c, err)
		return
	}
	if c.Query(SchemaKey) != "" {
		none := *p
		none.Rows, p = 0, &none
	}
	if c.Request.Method == http.MethodHead {
		streamHeaders(c.Writer.Header(), p)
		c.Status(http.StatusOK)
		return
	}
	if c.Query(SchemaKey) != "" {
		d.schema(c, p)
		return
	}
	sink := &ipcStream{w: c.Writer, socket: socketOf(c.Request), pieces: &d.pieces, sums: takesTrailers(c.Request)}
	defer func() { c.Set(socketBytes, sink.direct) }()
	d.run(c, g, p, sink)
}

// schema sends a whole stream that has a schema and no batch. It says what the manifest
// says of a split.
func (d *Door) schema(c *gin.Context, p *plan.Plan) {
	sink := &ipcStream{w: c.Writer, sums: takesTrailers(c.Request)}
	err := sink.Begin(c.Request.Context(), schemas.Release{}, p)
	if err == nil {
		err = sink.End(ipc.AddSum(ipc.Sum(p.Source.Schema()), ipc.EndOfStream()))
	}
	d.ended(c, string(p.Source.Version.Dataset), sink, err)
}

// plan authorises a request for rows, or for their schema, and plans it.
func (d *Door) plan(c *gin.Context) (policy.Grant, *plan.Plan, error) {
	ask, err := asked(c, SchemaKey)
	if said := c.Query(SchemaKey); err == nil && said != "" && said != "only" {
		err = schemas.BadField("stream", SchemaKey, "%q is not only: schema=only sends the schema without rows", said)
	}
	if err != nil {
		return policy.Grant{}, nil, err
	}
	g, err := d.grant(c, "http", ask.World, ask)
	if err == nil {
		err = d.Releases.CheckRun(c.Request.Context(), g)
	}
	if err != nil {
		return g, nil, err
	}
	src, err := d.Stream.Source(c.Request.Context(), g)
	if err != nil {
		return g, nil, err
	}
	p, err := plan.NewPlan(src, ask)
	return g, p, err
}

// streamHeaders says what a stream of a plan is, before its first byte or instead of it.
func streamHeaders(h http.Header, p *plan.Plan) {
	h.Set("Content-Type", "application/vnd.apache.arrow.stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Guichet-Rows", number(p.Rows))
	h.Set("Guichet-Part", number(p.PartRows))
	h.Set("Guichet-Order", p.Order)
	if p.Adjusted != "" {
		h.Set("Guichet-Even", p.Adjusted)
	}
}

// begun is a sink that knows whether it has sent anything.
type begun interface {
	stream.Sink
	Begun() bool
}

// run streams, and tears the connection down when the stream is cut.
func (d *Door) run(c *gin.Context, g policy.Grant, p *plan.Plan, sink begun) {
	_, err := d.Stream.Run(c.Request.Context(), g, p, sink, func() { CutOff(c.Writer, c.Request) })
	d.ended(c, string(p.Source.Version.Dataset), sink, err)
}

// socketBytes is gin's key of the bytes that went past its writer.
const socketBytes = "guichet.socket"

// SentBytes is how much of an answer was sent.
func SentBytes(c *gin.Context) int64 { return int64(max(c.Writer.Size(), 0)) + c.GetInt64(socketBytes) }

func number(n int64) string { return strconv.FormatInt(n, 10) }
