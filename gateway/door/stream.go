package door

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"guichet/gateway/stream"
	"guichet/gateway/stream/plan"
	"guichet/policy"
)

// stream answers GET and HEAD of a rank's stream. A HEAD sends no data: it opens no
// release, and what only its begin decides, whether a budget is spent and there is
// room, it does not foretell.
func (d *Door) stream(c *gin.Context) {
	g, p, err := d.plan(c)
	if err != nil {
		d.fail(c, err)
		return
	}
	if c.Request.Method == http.MethodHead {
		streamHeaders(c.Writer.Header(), p)
		c.Status(http.StatusOK)
		return
	}
	sink := &ipcStream{w: c.Writer, socket: socketOf(c.Request), pieces: &d.pieces, sums: takesTrailers(c.Request)}
	defer func() { c.Set(socketBytes, sink.direct) }()
	d.run(c, g, p, sink)
}

// plan authorises a request for rows and plans it.
func (d *Door) plan(c *gin.Context) (policy.Grant, *plan.Plan, error) {
	ask, err := asked(c)
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

// streamHeaders says what a stream of a plan is, before its first byte and instead of it.
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
	begun() bool
}

// run streams, and tears the connection down when the stream is cut.
func (d *Door) run(c *gin.Context, g policy.Grant, p *plan.Plan, sink begun) {
	_, err := d.Stream.Run(c.Request.Context(), g, p, sink, func() { cutOff(c) })
	d.ended(c, string(p.Source.Version.Dataset), sink, err)
}

// socketBytes is gin's key of the bytes that went past its writer.
const socketBytes = "guichet.socket"

// SentBytes is how much of an answer was sent.
func SentBytes(c *gin.Context) int64 { return int64(max(c.Writer.Size(), 0)) + c.GetInt64(socketBytes) }

func number(n int64) string { return strconv.FormatInt(n, 10) }
