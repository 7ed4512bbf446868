// Package flight is the Arrow Flight door: GetFlightInfo, GetSchema and DoGet for
// the deterministic stream of one rank.
//
// In: a descriptor path [agreement, "key=value" …] with the keys of doors.md, and a
// lease as `authorization: Bearer`. Out: IPC messages as they lie in the store, one
// per FlightData, undecoded. Always: a ticket alone opens nothing, DoGet asks policy
// again; a stream that does not end well ends with an error status or a reset,
// never cleanly. It translates, asks policy and the stream engine, and holds no rule
// of its own.
//
// gRPC runs over net/http's HTTP/2 (grpc.Server.ServeHTTP), not over grpc's own
// transport: that one queues whole messages which nothing can take back, so that a
// slow reader would go on receiving after a revocation; net/http resets one stream
// at a deadline and leaves the others of the connection alone [decisions.md 17]. It
// also lets Flight answer on the HTTP port.
package flight

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"guichet/gateway/stream"
	"guichet/gateway/stream/plan"
	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// Door serves bytes over Arrow Flight. Safe for concurrent use.
type Door struct {
	Leases   *lease.Leases
	Releases *release.Releases
	Refusals *refusal.Refusals
	Stream   *stream.Engine
	Log      *slog.Logger
	Now      func() time.Time
	Address  func(r *http.Request) netip.Addr // where a request came from
	Key      []byte                           // signs tickets; 32 bytes
	Ended    func(c Call)                     // told of every call, if not nil
}

// Call is how a call went.
type Call struct {
	Method string // of Flight's service; other for what it does not have
	Code   codes.Code
	Bytes  int64 // sent
	Took   time.Duration
}

// maxAsk bounds what a client may send: descriptors and tickets are small.
const maxAsk = 64 << 10

// MaxMessage is the largest message that clients at gRPC's defaults take.
const MaxMessage = 4 << 20

// Handler answers Flight calls over HTTP/2.
func (d *Door) Handler() http.Handler {
	s := grpc.NewServer(grpc.ForceServerCodecV2(codec{}), grpc.MaxRecvMsgSize(maxAsk), grpc.UnknownServiceHandler(d.unknown))
	pb.RegisterFlightServiceServer(s, &service{door: d})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := d.Now()
		c := &call{address: d.Address(r), control: http.NewResponseController(w), out: w}
		s.ServeHTTP(&answer{w, c}, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
		code, bytes := c.finish()
		took := d.Now().Sub(began)
		d.Log.Info("request", "method", r.Method, "route", r.URL.Path, "code", code.String(), "bytes", bytes, "ms",
			float64(took.Microseconds())/1000)
		if d.Ended != nil {
			d.Ended(Call{method(r.URL.Path), code, bytes, took})
		}
	})
}

// method names what is called, in few words: strangers choose the path.
func method(path string) string {
	name, is := strings.CutPrefix(path, "/"+pb.FlightService_ServiceDesc.ServiceName+"/")
	for _, m := range pb.FlightService_ServiceDesc.Methods {
		if is && m.MethodName == name {
			return name
		}
	}
	for _, m := range pb.FlightService_ServiceDesc.Streams {
		if is && m.StreamName == name {
			return name
		}
	}
	return "other"
}

// Is says whether a request is meant for the Flight door.
func Is(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// grant asks policy. token is what the caller holds; a is what was asked for.
func (d *Door) grant(ctx context.Context, c *call, a asked) (policy.Grant, error) {
	token, err := bearer(ctx)
	if err != nil {
		return policy.Grant{}, err
	}
	w := policy.StreamRequest{
		Door:      "flight",
		Agreement: a.agreement,
		Version:   schemas.VersionID(a.get("version")),
		Table:     a.get("table"),
		Split:     a.get("split"),
		Run:       schemas.RunID(a.get("run")),
		World:     a.ask.World,
		Rank:      a.ask.Rank,
		Order:     a.ask.Order(),
		Address:   c.address,
	}
	if s := a.get("columns"); s != "" {
		w.Columns = strings.Split(s, ",")
	}
	return policy.Authorize(ctx, d.Leases.LookUp, token, w, d.Now())
}

// plan authorises an ask and plans it.
func (d *Door) plan(ctx context.Context, c *call, a asked) (policy.Grant, *plan.Plan, error) {
	g, err := d.grant(ctx, c, a)
	if err != nil {
		return g, nil, err
	}
	err = d.Releases.CheckRun(ctx, g)
	if err != nil {
		return g, nil, err
	}
	src, err := d.Stream.Source(ctx, g)
	if err != nil {
		return g, nil, err
	}
	p, err := plan.NewPlan(src, a.ask)
	if err != nil {
		return g, nil, err
	}
	return g, p, fits(p)
}
