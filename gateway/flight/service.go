package flight

import (
	"context"
	"encoding/json"
	"fmt"

	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"
	"google.golang.org/grpc"

	"guichet/gateway/stream/plan"
	"guichet/schemas"
)

// service is the generated interface over a Door.
type service struct {
	pb.UnimplementedFlightServiceServer
	door *Door
}

// reuseConnection tells clients to ask where they are; they reach us by a name that
// we need not know [Flight RPC, LocationReuseConnection].
const reuseConnection = "arrow-flight-reuse-connection://?"

// about is what a stream says of itself in app_metadata.
type about struct {
	Release schemas.ReleaseID `json:"release,omitempty"`
	Rows    int64             `json:"rows"`
	Part    int64             `json:"part"`
	Even    string            `json:"even,omitempty"`
	Order   string            `json:"order"`
}

func aboutPlan(p *plan.Plan, id schemas.ReleaseID) ([]byte, error) {
	b, err := json.Marshal(about{Release: id, Rows: p.Rows, Part: p.PartRows, Even: p.Adjusted, Order: p.Order})
	if err != nil {
		return nil, fmt.Errorf("describe the stream: %w", err)
	}
	return b, nil
}

// GetFlightInfo plans an ask and gives a ticket for it.
func (s *service) GetFlightInfo(ctx context.Context, fd *pb.FlightDescriptor) (*pb.FlightInfo, error) {
	d, c := s.door, callOf(ctx)
	info, err := d.info(ctx, c, fd)
	if err != nil {
		return nil, d.refuse(ctx, c, err)
	}
	return info, nil
}

func (d *Door) info(ctx context.Context, c *call, fd *pb.FlightDescriptor) (*pb.FlightInfo, error) {
	a, err := readDescriptor(fd)
	if err != nil {
		return nil, err
	}
	g, p, err := d.plan(ctx, c, a)
	if err != nil {
		return nil, err
	}
	a.values["version"] = string(p.Source.Version.Version) // a ticket means the version that was described
	until := g.Lease().Until
	t, err := d.seal(a, until)
	if err != nil {
		return nil, err
	}
	app, err := aboutPlan(p, "")
	if err != nil {
		return nil, err
	}
	return &pb.FlightInfo{
		Schema: p.Source.Schema(), FlightDescriptor: fd, TotalRecords: p.Rows, TotalBytes: -1, Ordered: true, AppMetadata: app,
		Endpoint: []*pb.FlightEndpoint{{Ticket: t, Location: []*pb.Location{{Uri: reuseConnection}}, AppMetadata: app}},
	}, nil
}

// GetSchema gives the schema that an ask's stream has.
func (s *service) GetSchema(ctx context.Context, fd *pb.FlightDescriptor) (*pb.SchemaResult, error) {
	d, c := s.door, callOf(ctx)
	a, err := readDescriptor(fd)
	if err == nil {
		var p *plan.Plan
		_, p, err = d.plan(ctx, c, a)
		if err == nil {
			return &pb.SchemaResult{Schema: p.Source.Schema()}, nil
		}
	}
	return nil, d.refuse(ctx, c, err)
}

// DoGet streams what a ticket describes, if the caller's lease allows it now.
func (s *service) DoGet(t *pb.Ticket, st pb.FlightService_DoGetServer) error {
	d, ctx := s.door, st.Context()
	c := callOf(ctx)
	a, err := d.open(t.GetTicket())
	if err != nil {
		return d.refuse(ctx, c, err)
	}
	g, p, err := d.plan(ctx, c, a)
	if err == nil {
		err = d.over(a)
	}
	if err != nil {
		return d.refuse(ctx, c, err)
	}
	return d.run(ctx, c, g, p, st)
}

func notDone(method string) error {
	return &schemas.Error{
		Kind:    schemas.Invalid,
		Subject: method,
		Message: method + " is not done here; this door answers GetFlightInfo, GetSchema and DoGet",
		Remedy:  "ask GetFlightInfo with the path [agreement, key=value …], then DoGet with its ticket; search and requests are at the HTTP API",
	}
}

// unknown answers calls of other services.
func (d *Door) unknown(_ any, st grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(st)
	return d.refuse(st.Context(), callOf(st.Context()), notDone(method))
}

func (s *service) not(ctx context.Context, method string) error {
	return s.door.refuse(ctx, callOf(ctx), notDone(method))
}

// Handshake is refused: a lease goes with every call.
func (s *service) Handshake(st pb.FlightService_HandshakeServer) error {
	return s.not(st.Context(), "Handshake")
}

// ListFlights is refused: what there is, the catalogue says.
func (s *service) ListFlights(_ *pb.Criteria, st pb.FlightService_ListFlightsServer) error {
	return s.not(st.Context(), "ListFlights")
}

// PollFlightInfo is refused.
func (s *service) PollFlightInfo(ctx context.Context, _ *pb.FlightDescriptor) (*pb.PollInfo, error) {
	return nil, s.not(ctx, "PollFlightInfo")
}

// DoPut is refused: this door is read-only.
func (s *service) DoPut(st pb.FlightService_DoPutServer) error { return s.not(st.Context(), "DoPut") }

// DoExchange is refused.
func (s *service) DoExchange(st pb.FlightService_DoExchangeServer) error {
	return s.not(st.Context(), "DoExchange")
}

// DoAction is refused.
func (s *service) DoAction(_ *pb.Action, st pb.FlightService_DoActionServer) error {
	return s.not(st.Context(), "DoAction")
}

// ListActions is refused: there are none.
func (s *service) ListActions(_ *pb.Empty, st pb.FlightService_ListActionsServer) error {
	return s.not(st.Context(), "ListActions")
}
