// Package door is the HTTP byte door: the trainer's manifest, the deterministic
// stream of a rank, one shard by name.
//
// In: a lease as bearer token and the query of doors.md. Out: Arrow IPC bytes, or where to read them
// straight from S3.
// Always: mounted outside gin's Recovery; a stream that does not end well is torn
// down so that every client sees an error, never a short whole [decisions.md 16].
// It translates, asks policy and the stream engine, and holds no rule of its own.
package door

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/gateway/problem"
	"guichet/gateway/stream"
	"guichet/gateway/stream/plan"
	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/schemas"
)

// Door serves bytes over HTTP.
type Door struct {
	Leases   *lease.Leases
	Releases *release.Releases
	Refusals *refusal.Refusals
	Stream   *stream.Engine
	Log      *slog.Logger
	Now      func() time.Time
	Behind   []netip.Prefix // proxies whose X-Forwarded-For is believed

	pieces pieces
}

// Mount puts the door's routes onto a group without Recovery.
func (d *Door) Mount(g *gin.RouterGroup) {
	for path, answer := range map[string]gin.HandlerFunc{
		"/agreements/:id/manifest":                    d.manifest,
		"/agreements/:id/stream":                      d.stream,
		"/agreements/:id/tables/:table/:split/:file":  d.shard,
		"/agreements/:id/objects/:table/:split/*name": d.object,
		"/agreements/:id/:file":                       d.shard,
	} {
		g.GET(path, answer)
		g.HEAD(path, answer)
	}
}

// connKey is the context's key of a request's connection.
type connKey struct{}

// ConnContext keeps the connection, so that a cut can reset it: bytes that wait in
// the kernel must not flow on after a revocation [decisions.md 17]. It is for
// http.Server.ConnContext.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	plain := c
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // under TLS
		plain = t.NetConn()
	}
	limitUnsent(plain)
	return context.WithValue(ctx, connKey{}, c)
}

// reset makes the connection of a request die.
func reset(ctx context.Context) {
	c, _ := ctx.Value(connKey{}).(net.Conn)
	for { // under TLS, and under what counts connections
		t, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
		_ = t.SetWriteDeadline(time.Unix(1, 0))
	}
}

// fail answers before anything was sent.
func (d *Door) fail(c *gin.Context, err error) {
	late := d.Refusals.RefusedBytes(context.WithoutCancel(c.Request.Context()), bearer(c), Shown(Address(c.Request, d.Behind)), "http", err)
	if late != nil {
		d.Log.Error("a refusal is not recorded", "err", late)
	}
	problem.Write(c.Writer, problem.Of(err, d.Log))
	c.Abort()
}

func bearer(c *gin.Context) string {
	token, _ := Bearer(c.GetHeader("Authorization"))
	return token
}

// Bearer finds the token in an Authorization header; false where it is of another scheme.
// Names of schemes have no case [RFC 9110 §11.1].
func Bearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	return strings.TrimLeft(token, " "), true
}

// grant asks policy.
func (d *Door) grant(c *gin.Context, kind string, world int, ask plan.Ask) (policy.Grant, error) {
	get := c.Query
	token := bearer(c)
	if token == "" {
		return policy.Grant{}, lease.None()
	}
	w := policy.StreamRequest{
		Door:      kind,
		Agreement: schemas.AgreementID(c.Param("id")),
		Version:   schemas.VersionID(get("version")),
		Table:     get("table"),
		Split:     get("split"),
		Run:       schemas.RunID(get("run")),
		World:     world,
		Rank:      ask.Rank,
		Order:     ask.Order(),
		Address:   Address(c.Request, d.Behind),
	}
	if t := c.Param("table"); t != "" {
		w.Table, w.Split = t, c.Param("split")
	}
	if s := get("columns"); s != "" {
		w.Columns = strings.Split(s, ",")
	}
	return policy.Authorize(c.Request.Context(), d.Leases.LookUp, token, w, d.Now())
}

// Address is where a request came from: the last hop that no configured proxy added.
// The zero address means that it is not known, and proves nothing: a proxy did not
// say from where, or in words that are no address.
func Address(r *http.Request, behind []netip.Prefix) netip.Addr {
	at := hop(r.RemoteAddr)
	said := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	hops := strings.Split(said, ",")
	for i := len(hops) - 1; i >= 0 && at.IsValid() && ours(at, behind); i-- {
		at = hop(strings.TrimSpace(hops[i]))
	}
	return at
}

func ours(at netip.Addr, behind []netip.Prefix) bool {
	for _, p := range behind {
		if p.Contains(at) {
			return true
		}
	}
	return false
}

// hop reads an address, with or without a port or brackets; zero for anything else.
func hop(s string) netip.Addr {
	at, err := netip.ParseAddrPort(s)
	if err == nil {
		return at.Addr().Unmap()
	}
	inner, bracketed := strings.CutPrefix(s, "[")
	if bracketed {
		s, bracketed = strings.CutSuffix(inner, "]")
		if !bracketed {
			return netip.Addr{}
		}
	}
	plain, err := netip.ParseAddr(s)
	if err != nil || plain.Zone() != "" || bracketed && !plain.Is6() {
		return netip.Addr{}
	}
	return plain.Unmap()
}

// Shown is an address as records and logs have it.
func Shown(at netip.Addr) string {
	if !at.IsValid() {
		return "unknown"
	}
	return at.String()
}

// named says whether a request names no key but those of doors.md.
func named(c *gin.Context, keys []string) error {
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return schemas.BadField("stream", "query", "the query is malformed: %v", err)
	}
	for key, values := range query {
		err := plan.CheckKey(keys, key, len(values) > 1)
		if err != nil {
			return err
		}
	}
	return nil
}

// asked reads the ask of a request for rows; more are keys of its address alone.
func asked(c *gin.Context, more ...string) (plan.Ask, error) {
	err := named(c, append(plan.Keys(), more...))
	if err != nil {
		return plan.Ask{}, err
	}
	return plan.ParseAsk(c.Query)
}

func (d *Door) manifest(c *gin.Context) {
	ask, err := asked(c)
	if err != nil {
		d.fail(c, err)
		return
	}
	world := 0
	if c.Query("world") != "" {
		world = ask.World
	}
	g, err := d.grant(c, "http", world, ask)
	if err != nil {
		d.fail(c, err)
		return
	}
	err = d.Releases.CheckRun(c.Request.Context(), g)
	if err != nil {
		d.fail(c, err)
		return
	}
	sources, err := d.Stream.Sources(c.Request.Context(), g)
	if err != nil {
		d.fail(c, err)
		return
	}
	a := g.Agreement()
	ends, _ := g.Until()
	m := schemas.Manifest{
		Agreement:   a.ID,
		Dataset:     a.Dataset,
		Version:     g.Asked().Version,
		Obligations: a.Obligations,
		EndsAt:      ends,
		Declared:    g.Declared(),
	}
	for _, s := range sources {
		ms, err := splitOf(s, ask, world)
		if err != nil {
			d.fail(c, err)
			return
		}
		m.Tables = append(m.Tables, ms)
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_ = json.NewEncoder(c.Writer).Encode(m) // the client may be gone
}

// splitOf is a split of a manifest; world 0 is one that says nothing of ranks.
func splitOf(s *plan.Source, ask plan.Ask, world int) (schemas.ManifestSplit, error) {
	ms := schemas.ManifestSplit{Table: s.Table.Name, Split: s.Split.Name, Rows: s.Rows(), WindowRows: s.Table.WindowRows, Schema: s.Schema(),
		Columns: s.Columns()}
	if s.Objects() {
		ms.Rows = s.Split.Rows()
		for i := range s.Split.Shards {
			o := &s.Split.Shards[i]
			ms.Objects = append(ms.Objects, schemas.ManifestObject{Name: o.Name, MediaType: o.MediaType, Size: o.Size, SHA256: o.SHA256})
		}
		return ms, nil
	}
	ms.Shuffle.Order = plan.Today
	ms.Shuffle.WindowRows, ms.Shuffle.Windows = s.Windows()
	for i, batches := range s.Batches() {
		sh := schemas.ManifestShard{Name: fmt.Sprintf("%d.arrow", i), Batches: batches}
		for _, rows := range batches {
			sh.Rows += rows
		}
		ms.Shards = append(ms.Shards, sh)
	}
	if world > 0 {
		p, err := plan.NewPlan(s, ask)
		if err != nil {
			return ms, err
		}
		ms.Part, ms.Even, ms.Order = p.PartRows, p.Adjusted, p.Order
	}
	return ms, nil
}
