// Package gateway is the doors: one HTTP server with the API and the byte door,
// one Flight server, one for S3 clients, and what stands in front of them all: authentication, limits,
// health, metrics.
//
// In: connections. Out: answers and bytes. Always: every door asks the same policy
// function and shows errors by the same table; byte doors are mounted outside
// Recovery. It must not hold a rule of its own.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"guichet/catalog/demand"
	"guichet/catalog/saved"
	"guichet/connectors/db"
	"guichet/connectors/fetch"
	"guichet/gateway/api"
	calls "guichet/gateway/api/call"
	"guichet/gateway/api/contacts"
	notfound "guichet/gateway/api/demand"
	"guichet/gateway/api/distributions"
	joining "guichet/gateway/api/join"
	"guichet/gateway/api/names"
	"guichet/gateway/api/objects"
	"guichet/gateway/api/rights"
	searches "guichet/gateway/api/saved"
	"guichet/gateway/api/standin"
	flows "guichet/gateway/api/throughput"
	"guichet/gateway/auth"
	"guichet/gateway/door"
	"guichet/gateway/export"
	"guichet/gateway/flight"
	"guichet/gateway/problem"
	"guichet/gateway/reports"
	"guichet/gateway/s3face"
	"guichet/gateway/stream"
	"guichet/gateway/web"
	"guichet/gateway/web/signin"
	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/throughput"
	"guichet/policy/audit"
	"guichet/policy/call"
	"guichet/policy/join"
	"guichet/policy/report"
	"guichet/policy/report/dossier"
	"guichet/schemas"
)

// Deps are the parts behind the doors.
type Deps struct {
	api.Deps
	DB     *db.DB
	Auth   *auth.Authenticator
	Stream *stream.Engine
	Feed   *stop.Feed
	Brake  *stop.Brake
	Behind []netip.Prefix // proxies whose X-Forwarded-For is believed
	Ticket []byte         // signs Flight tickets; 32 bytes
	Limits Limits
	// Helpers are whom to ask for help.
	Helpers contacts.Helpers
	SignIn  *signin.Door // of browsers; none when nil
	// UploadIdle is how long an upload may send nothing; a minute when 0.
	UploadIdle time.Duration
	// Files gives a file of the web to use, where its address may be reached for files.
	Files func(ctx context.Context, address string, use func(fetch.File) error) error
}

// Server holds the doors.
type Server struct {
	deps    Deps
	http    *http.Server
	flight  *http.Server
	s3      *http.Server
	figures *http.Server
	metrics *metrics
	site    *web.Site
	gate    *rights.Gate
	bodies  bodies
	uploads *sharedQuota
	limits  Limits
	rates   *rates
	crew    crew
}

// New makes the doors; Serve opens them.
func New(d Deps) *Server {
	if d.UploadIdle == 0 {
		d.UploadIdle = uploadIdle
	}
	s := &Server{deps: d, metrics: newMetrics(), bodies: newBodies(), limits: d.Limits.Filled(), rates: newRates(d.Now)}
	s.uploads = s.limits.uploads()
	gin.SetMode(gin.ReleaseMode)
	address := func(r *http.Request) netip.Addr { return door.Address(r, d.Behind) }
	calls := (&flight.Door{Leases: d.Leases, Releases: d.Releases, Refusals: d.Refusals, Stream: d.Stream, Log: d.Log, Now: d.Now,
		Key: d.Ticket, Ended: s.metrics.observeCall, Address: address}).Handler()
	s.metrics.lag(d.DB.Head, d.Index.Position)
	s.metrics.waiting(d.Stream.Waiting)
	routes := s.routes()
	s.http = s.listener(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if flight.Is(r) {
			calls.ServeHTTP(w, r)
			return
		}
		routes.ServeHTTP(w, r)
	}))
	s.flight = s.listener(calls)
	s.s3 = s.listener(&s3face.Door{Leases: d.Leases, Refusals: d.Refusals, Stream: d.Stream, Log: d.Log, Now: d.Now, Address: address,
		Ended: s.metrics.observeS3})
	figures := http.NewServeMux()
	figures.Handle("GET /metrics", s.metrics.handler())
	s.figures = s.listener(figures)
	return s
}

// listener makes one server. HTTP/2 is spoken without TLS too: behind a proxy, and
// on loopback, gRPC has no other way.
func (s *Server) listener(h http.Handler) *http.Server {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           guarded(s.crew.count(h)),
		Protocols:         p,
		ConnContext:       door.ConnContext,
		ConnState:         idle,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
}

// Handler is the HTTP surface, for tests.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Listeners are where the doors are opened. S3 may be nil: then there is no S3 face. Metrics
// may be nil: then operators alone read the figures, at the web door.
type Listeners struct{ Web, Calls, S3, Metrics net.Listener }

// Close closes those that there are.
func (l Listeners) Close() error {
	var errs []error
	for _, one := range []net.Listener{l.Web, l.Calls, l.S3, l.Metrics} {
		if one != nil {
			errs = append(errs, one.Close())
		}
	}
	return errors.Join(errs...)
}

// Serve answers on the listeners until ctx ends; then it refuses new streams, lets
// running ones end for a moment, cuts the rest, and returns.
func (s *Server) Serve(ctx context.Context, l Listeners) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return serve(s.http, l.Web, "HTTP") })
	g.Go(func() error { return serve(s.flight, l.Calls, "Flight") })
	g.Go(func() error { return s.crew.giveBack(ctx) })
	if l.S3 != nil {
		g.Go(func() error { return serve(s.s3, l.S3, "S3") })
	}
	if l.Metrics != nil {
		g.Go(func() error { return serve(s.figures, l.Metrics, "metrics") })
	}
	g.Go(func() error {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		s.deps.Stream.Shutdown(late)
		return errors.Join(shutDown(late, s.http, "HTTP"), shutDown(late, s.flight, "Flight"), shutDown(late, s.s3, "S3"),
			shutDown(late, s.figures, "metrics"))
	})
	return g.Wait()
}

func serve(s *http.Server, l net.Listener, name string) error {
	err := s.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", name, err)
}

func shutDown(ctx context.Context, s *http.Server, name string) error {
	err := s.Shutdown(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("stop %s: %w", name, err), s.Close())
	}
	return nil
}

// routes is the whole HTTP surface.
func (s *Server) routes() http.Handler {
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.ContextWithFallback = true
	r.RedirectTrailingSlash = false
	r.UseRawPath = true          // a participant's id is a URL: its slashes come encoded and part no path
	_ = r.SetTrustedProxies(nil) // ours are told to door.Address
	pages := s.pages(r)
	s.site = pages
	r.NoRoute(func(c *gin.Context) {
		s.tell(c, schemas.Errorf(schemas.NotFound, c.Request.URL.Path, "there is nothing at %s", c.Request.URL.Path))
	})
	r.NoMethod(func(c *gin.Context) {
		p := problem.Of(
			schemas.Errorf(schemas.Invalid, c.Request.Method, "%s is not done at %s", c.Request.Method, c.Request.URL.Path),
			s.deps.Log)
		p.Status = http.StatusMethodNotAllowed
		s.tell(c, p)
	})
	r.Use(s.observe, s.texts)

	// Byte doors: outside Recovery, which would end a broken stream cleanly.
	bytes := r.Group("/api/v1")
	d := &door.Door{
		Leases:   s.deps.Leases,
		Releases: s.deps.Releases,
		Refusals: s.deps.Refusals,
		Stream:   s.deps.Stream,
		Log:      s.deps.Log,
		Now:      s.deps.Now,
		Behind:   s.deps.Behind,
	}
	d.Mount(bytes)

	safe := r.Group("/", s.recovery)
	for _, method := range []string{http.MethodGet, http.MethodHead} { // balancers ask either way
		safe.Handle(method, "/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
		safe.Handle(method, "/readyz", s.ready)
	}
	safe.GET("/metrics", s.authenticate, s.operatorsOnly, gin.WrapH(s.metrics.handler()))

	forms := safe.Group("/", s.soon)
	s.mountSignIn(forms)
	pages.Mount(forms)
	for _, method := range []string{http.MethodGet, http.MethodHead} { // a dataset's IRI leads to what there is of it
		safe.Handle(method, "/datasets/:id", func(c *gin.Context) {
			c.Header("Vary", "Accept")
			if isBrowser(c.Request) {
				pages.Dataset(c)
				return
			}
			c.Redirect(http.StatusSeeOther, "/api/v1/datasets/"+url.PathEscape(c.Param("id")))
		})
	}

	v1 := safe.Group("/api/v1", s.soon, s.accepted, s.authenticate, s.read, s.idempotent)
	v1.GET("/audit/export", s.export)
	(&export.Door{Catalog: s.deps.Catalog, Public: s.deps.Public, Key: s.deps.Ticket, Fail: s.fail}).Mount(v1)
	v1.PUT("/datasets/:id/files/:table/:split/:name", s.upload)
	v1.POST("/datasets/:id/files/:table/:split", s.takeFile)
	desk := join.New(join.Config{DB: s.deps.DB, Parties: s.deps.Parties, Speaks: s.deps.Auth.Speaks, Now: s.deps.Now})
	counter := demand.New(demand.Config{DB: s.deps.DB, Key: s.deps.Ticket, Now: s.deps.Now})
	s.reports(counter).Mount(v1)
	deps := withRanges(s.deps.Deps, d)
	deps.Sought = notfound.Noted(counter, s.deps.Log)
	operations, gate := api.Register(r, v1, deps,
		notfound.Operations(counter, notfound.SpacesOf(s.deps.Index)), standin.Operations(s.deps.Catalog),
		distributions.Operations(s.deps.Catalog), objects.Operations(s.deps.Publisher),
		flows.Operations(&throughput.Throughputs{Agreements: s.deps.Agreements, Runs: s.deps.Runs, Now: s.deps.Now}),
		joining.Operations(desk, s.deps.Public),
		searches.Operations(&saved.Saved{DB: s.deps.DB, Now: s.deps.Now}),
		contacts.Operations(s.deps.Helpers, s.deps.Parties.Factories), names.Operations(s.deps.Agreements),
		calls.Operations(call.New(call.Config{DB: s.deps.DB, Spaces: s.deps.Catalog.Spaces, Now: s.deps.Now})))
	s.gate = gate
	describe(operations.OpenAPI())
	return r
}

// reports is the door of reports.
func (s *Server) reports(counter *demand.Counter) *reports.Door {
	made := report.New(s.deps.DB, s.deps.Record)
	dossiers, err := dossier.New(made, s.deps.Record)
	if err != nil { // templates are part of the binary
		panic(err)
	}
	return &reports.Door{Reports: made, Dossier: dossiers, Known: s.deps.Known, Refuse: s.refuse,
		Dataset: func(ctx context.Context, by schemas.Principal, id schemas.DatasetID) (schemas.Dataset, error) {
			return s.deps.Catalog.Get(ctx, policy.SightOf(by), id)
		},
		Sought: notfound.Reported(counter),
		By: func(c *gin.Context) schemas.Principal {
			by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
			return by
		}}
}

// withRanges has the API answer as the byte door does.
func withRanges(deps api.Deps, d *door.Door) api.Deps {
	deps.Ranges = d.Ranges
	return deps
}

func (s *Server) fail(c *gin.Context, err error) {
	problem.Write(c.Writer, problem.Of(err, s.deps.Log))
	c.Abort()
}

// recovery answers a panic of an API handler with a problem.
func (s *Server) recovery(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			panic(p)
		}
		s.deps.Log.Error("a handler panicked", "path", c.FullPath(), "panic", fmt.Sprint(p))
		if !c.Writer.Written() {
			s.fail(c, fmt.Errorf("panic: %v", p))
		}
	}()
	c.Next()
}

// authenticate finds the caller. No token is a stranger; a bad one is refused.
func (s *Server) authenticate(c *gin.Context) {
	c.Set(api.AddressKey, door.Shown(door.Address(c.Request, s.deps.Behind)))
	h := c.GetHeader("Authorization")
	if h == "" {
		return
	}
	token, ok := door.Bearer(h)
	if !ok {
		s.refuse(
			c,
			schemas.Principal{},
			&schemas.Error{
				Kind:    schemas.Unauthenticated,
				Subject: "token",
				Message: "the Authorization header is not a bearer token",
				Remedy:  "send Authorization: Bearer …",
			},
		)
		return
	}
	if lease.IsLease(token) || lease.IsJobKey(token) {
		c.Set(api.LeaseKey, token)
		return
	}
	p, err := s.deps.Auth.Principal(c.Request.Context(), token)
	if err != nil {
		s.refuse(c, p, err)
		return
	}
	c.Set(api.PrincipalKey, p)
}

// refuse answers with the error and records the refusal.
func (s *Server) refuse(c *gin.Context, by schemas.Principal, err error) {
	address := door.Shown(door.Address(c.Request, s.deps.Behind))
	late := s.deps.Refusals.Refused(context.WithoutCancel(c.Request.Context()), by, address, "http", err)
	if late != nil {
		s.deps.Log.Error("a refusal is not recorded", "err", late)
	}
	s.fail(c, err)
}

// operatorsOnly lets operators read figures: timings tell things that callers may not
// know [decisions.md 26]. Where a request comes from says nothing of who sends it.
func (s *Server) operatorsOnly(c *gin.Context) {
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	err := policy.Needs(by, schemas.RoleOperator, "read the metrics")
	if err != nil {
		s.refuse(c, by, err)
	}
}

// ready says whether this replica should be sent work.
func (s *Server) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
	defer cancel()
	why := []string{}
	if s.deps.Stream.Closing() {
		why = append(why, "stopping")
	}
	err := s.deps.DB.Ping(ctx)
	if err != nil {
		why = append(why, "the database does not answer")
	} else {
		_, err = s.deps.Record.Checkpoint(ctx) // it would wait for whoever waits for the database
		if err != nil {
			why = append(why, "the record cannot be signed")
		}
		err = s.deps.DB.Writable(ctx)
		if err != nil { // no stream opens and nothing is decided, though look-ups go on
			why = append(why, "the database takes no writes")
		}
	}
	if n := s.deps.Brake.Unrecorded(); n > 0 {
		why = append(why, fmt.Sprintf("%d revocations hold here and are not recorded yet", n))
	}
	if !s.deps.Index.Ready() {
		why = append(why, "the search index is being rebuilt")
	}
	if s.deps.Feed.Stale() > 5*time.Second {
		why = append(why, "revocations cannot be read")
	}
	if len(why) == 0 {
		said := gin.H{"ready": true}
		n, since, err := s.deps.Publisher.Waiting(ctx)
		if err == nil && n > 0 { // one provider's fault keeps nobody else out; ids are not for everybody
			said["notes"] = []string{
				fmt.Sprintf("publications that do not go on: %d, the first since %s; guichet versions DATASET says why", n, since.Format(time.RFC3339)),
			}
		}
		c.JSON(http.StatusOK, said)
		return
	}
	c.Header("Retry-After", "1")
	c.JSON(http.StatusServiceUnavailable, gin.H{"ready": false, "why": why})
}

// upload takes a provider's file; it may take longer than other requests.
func (s *Server) upload(c *gin.Context) {
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	err := policy.Needs(by, schemas.RoleProvider, "upload files")
	if err == nil {
		err = s.deps.Parties.MayAct(c.Request.Context(), by)
	}
	if err != nil {
		s.refuse(c, by, err)
		return
	}
	leave, ok := s.incoming(c, by)
	if !ok {
		return
	}
	defer leave()
	// A client that has sent all may close its side: what it sent is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), uploadTime)
	defer cancel()
	body := &patient{body: c.Request.Body, c: http.NewResponseController(c.Writer), idle: s.deps.UploadIdle, end: time.Now().Add(uploadTime)}
	err = s.deps.Publisher.Upload(ctx, by, schemas.DatasetID(c.Param("id")), c.Param("table"), c.Param("split"),
		c.Param("name"), body, c.Request.ContentLength)
	if err != nil {
		s.refuse(c, by, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// incoming makes room for a file of a provider's until leave is called, or answers that there is none.
func (s *Server) incoming(c *gin.Context, by schemas.Principal) (leave func(), ok bool) {
	place := &stay{room: s.uploads, owner: string(by.Participant)}
	err := place.grow(c.Request.Context(), 1)
	if err == nil {
		return place.leave, true
	}
	c.Header("Retry-After", "5")
	s.fail(c, &schemas.Error{
		Kind:    schemas.Busy,
		Subject: "upload",
		Message: fmt.Sprintf("too many files are being uploaded: at most %d of one provider and %d of all run at once",
			s.uploads.each, s.uploads.most),
		Remedy: "send it when another upload has ended; the operator sets the limits (limits.uploads_at_once)",
		Err:    err,
	})
	return nil, false
}

// exporter is for whom a bundle is.
func exporter(by schemas.Principal) string {
	if by.Has(schemas.RoleOfficer) {
		return audit.AnOfficer
	}
	return string(by.Participant)
}

// export streams a bundle of the record for offline verification.
func (s *Server) export(c *gin.Context) {
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	q, err := api.ExportQuery(by, c.Query)
	if err == nil {
		err = s.deps.Known(c.Request.Context(), by, q)
	}
	if err != nil {
		s.refuse(c, by, err)
		return
	}
	c.Header("Content-Type", "application/zip")
	c.Header("Content-Disposition", `attachment; filename="guichet-record.zip"`)
	err = s.deps.Record.Export(c.Request.Context(), c.Writer, q, exporter(by),
		func(r schemas.Record) schemas.Record { return policy.ShownRecord(by, r) })
	if err == nil {
		return
	}
	if !c.Writer.Written() {
		s.fail(c, err)
		return
	}
	s.deps.Log.Error("an export of the record broke off", "err", err)
	panic(http.ErrAbortHandler) // the client must see that it is short
}
