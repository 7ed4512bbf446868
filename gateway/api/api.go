// Package api is the HTTP API as huma operations, from which the OpenAPI document
// is made. Operations are thin: they read input, ask catalog, policy and the
// agreements, and answer with schemas nouns.
//
// Always: the principal is an argument of every call below; every error leaves
// through gateway/problem. It must not decide what a caller may have: it holds only the
// rules of what needs two of the parts below at once, each in a function of its own. A
// withdrawal is refused while agreements stand, and then ends them second (withdraw,
// withdrawVersion); who does not own a dataset reads its published versions alone (owns);
// a publication that names no store or bucket means the only one (bucket).
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"guichet/catalog"
	"guichet/catalog/duplicates"
	"guichet/catalog/harvest"
	"guichet/catalog/index"
	"guichet/catalog/publish"
	"guichet/connectors/direct"
	"guichet/gateway/api/body"
	"guichet/gateway/api/rights"
	"guichet/gateway/problem"
	"guichet/policy"
	"guichet/policy/agreement"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/request"
	"guichet/policy/agreement/run"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/policy/audit"
	"guichet/policy/party"
	"guichet/policy/trial"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// Deps are the parts that the operations ask.
type Deps struct {
	Catalog    *catalog.Catalog
	Forms      map[schemas.SpaceID]spaces.Form // what requests in data spaces are asked
	Publisher  *publish.Publisher
	Index      *index.Index
	Sources    *harvest.Harvester
	Duplicates *duplicates.Finder
	Engine     *policy.Engine
	Agreements *agreement.Agreements
	Terms      *terms.Terms
	Requests   *request.Requests
	Leases     *lease.Leases
	Releases   *release.Releases
	Runs       *run.Runs
	Stops      *stop.Stops
	Refusals   *refusal.Refusals
	Parties    *party.Registry
	Record     *audit.Log
	Log        *slog.Logger
	Version    string
	SignIns    []schemas.SignInAt // issuers at which people sign in
	S3         string             // address of the S3 face, for who gets a lease; "" where there is none
	Public     string             // the site's address for the world, without a slash at its end; "" where none was set
	Now        func() time.Time
	// HasCredential says whether the settings have a credential for stores; nil: not asked.
	HasCredential func(name string) bool
	NoticeKey     string // public key that signs webhooks, in the form of Standard Webhooks
	// Reaches says whether a store answers and has the buckets that it names; nil: not asked.
	Reaches func(ctx context.Context, st schemas.Store) error
	// Sought is told of searches that found nothing, with something that tells seekers apart; nil: not told.
	Sought func(seeker, query string, space schemas.SpaceID)
	// Ranges answers who bears a lease with ranges by URL; from is where the request came from.
	Ranges func(ctx context.Context, token string, from netip.Addr, id schemas.AgreementID, ask direct.RangesAsk) (direct.Ranges, error)
}

// server holds what operations ask, and the gate that counts and admits writes.
type server struct {
	Deps
	gate   *rights.Gate
	trials *trial.Trials
}

// problems makes huma's own errors ours. Huma keeps one maker of errors, and
// one strictness, for the process, so they are set once, however many gateways a process holds.
var problems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true // a member in another case than ours is not known
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return body.Problem(status, msg, errs) }
})

// Register puts every operation onto a gin group and gives the API, whose OpenAPI
// document huma serves at /api/v1/openapi.json, and what each asks of its callers
// before a body of theirs is read.
func Register(router *gin.Engine, group *gin.RouterGroup, d Deps, more ...func(*Operations)) (huma.API, *rights.Gate) {
	problems()
	c := huma.DefaultConfig("Guichet", d.Version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "/openapi", "", ""
	c.CreateHooks = nil // no $schema links in answers
	c.Formats = body.Formats(d.Public)
	c.RejectUnknownQueryParameters = true // a misspelt filter would otherwise find too much
	c.Servers = []*huma.Server{{URL: "/api/v1"}}
	c.Info.Description = "One counter for training data: find datasets of many data spaces, ask once, stream under policy, prove it " +
		"afterwards."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT of an accepted OIDC issuer; a lease for byte doors; " +
			"for a lease alone also the signature of a job key: id.seconds.signature"},
	}
	a := humagin.NewWithGroup(router, group, c)
	a.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(linked{ctx}) })
	s := &server{d, rights.NewGate(), trial.New(d.Engine)}
	s.datasets(a)
	s.versions(a)
	s.search(a)
	s.parties(a)
	s.places(a)
	s.requests(a)
	s.agreements(a)
	s.leases(a)
	s.copies(a)
	s.ranges(a)
	s.records(a)
	s.sources(a)
	s.duplicates(a)
	for _, add := range more {
		add(&Operations{s, a})
	}
	return a, s.gate
}

// Operations takes those of packages below this one.
type Operations struct {
	server *server
	api    huma.API
}

// Add registers an operation: errors become problems, refusals are recorded.
func Add[I any, O any](o *Operations, method, path, id, tag, summary string, f func(ctx context.Context, in *I) (*O, error)) {
	op(o.server, o.api, operation{method, path, id, tag, summary}, f)
}

// Keys under which authentication leaves what it found in gin's context.
const (
	PrincipalKey = "guichet.principal"
	LeaseKey     = "guichet.lease"
	AddressKey   = "guichet.address"
	ParsedKey    = "guichet.parsed" // func(), called once the body is parsed
)

// Caller is part of every input: who calls, as the authentication middleware found.
type Caller struct {
	by      schemas.Principal
	lease   string
	address string
	form    string // media type in which the answer is written
}

// Resolve is for huma, which calls it when the body is parsed.
func (c *Caller) Resolve(ctx huma.Context) []error {
	g := humagin.Unwrap(ctx)
	c.by, _ = g.Value(PrincipalKey).(schemas.Principal)
	c.lease, _ = g.Value(LeaseKey).(string)
	c.address, _ = g.Value(AddressKey).(string)
	c.form = ctx.Header("Accept") // one, settled before
	if parsed, ok := g.Value(ParsedKey).(func()); ok {
		parsed()
	}
	return nil
}

func (c *Caller) caller() *Caller { return c }

// By is who calls.
func (c *Caller) By() schemas.Principal { return c.by }

// Paging is the part of an input that pages through a list.
type Paging struct {
	Cursor string `query:"cursor" doc:"opaque; from next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// List is an answer that is a page.
type List[T any] struct {
	Link string `header:"Link"`
	Body schemas.Page[T]
}

// ListOf is a page of a list, with the link to the next one.
func ListOf[T any](items []T, next string) *List[T] { return listOf(items, next) }

// listOf is ListOf.
func listOf[T any](items []T, next string) *List[T] {
	if items == nil {
		items = []T{}
	}
	l := &List[T]{Body: schemas.Page[T]{Items: items, Next: next}}
	if next != "" {
		l.Link = fmt.Sprintf(`<?cursor=%s>; rel="next"`, next)
	}
	return l
}

// linked gives links to the next page the query of the request: filters and limit hold
// for every page [RFC 8288].
type linked struct{ humaRequest }

// humaRequest is huma's context under a name that is none of its methods.
type humaRequest = huma.Context

// Unwrap is for huma.
func (l linked) Unwrap() huma.Context { return l.humaRequest }

// SetHeader is for huma.
func (l linked) SetHeader(name, value string) {
	if name == "Content-Type" && value == body.Croissant {
		value = body.CroissantType
	}
	cursor, ok := strings.CutPrefix(value, "<?cursor=")
	cursor, rest, _ := strings.Cut(cursor, ">")
	if name == "Link" && ok {
		u := l.URL()
		q := u.Query()
		q.Set("cursor", cursor)
		value = "<?" + q.Encode() + ">" + rest
	}
	l.humaRequest.SetHeader(name, value)
}

// One is an answer that is one noun, with its revision as ETag.
type One[T any] struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}

// one is an answer with its revision as ETag; revision 0 is an answer that has none.
func one[T any](v T, revision int64) *One[T] {
	return &One[T]{Status: http.StatusOK, ETag: etag(revision), Body: v}
}

// oneOr is one, or the error that there was instead.
func oneOr[T any](v T, revision int64, err error) (*One[T], error) {
	if err != nil {
		return nil, err
	}
	return one(v, revision), nil
}

// made is the answer to what made a noun, or changed one (201), with where it is.
func made[T any](v T, revision int64, location string) *One[T] {
	return &One[T]{Status: http.StatusCreated, ETag: etag(revision), Location: location, Body: v}
}

// etag is a revision as an ETag.
func etag(revision int64) string {
	if revision == 0 {
		return ""
	}
	return `"` + strconv.FormatInt(revision, 10) + `"`
}

// IfMatch is the part of an input that names the revision to change.
type IfMatch struct {
	IfMatch string `header:"If-Match" doc:"the ETag that was read; the change is refused when another one is stored"`
}

// Revision is revision, for packages below this one.
func (m IfMatch) Revision() (int64, error) { return m.revision() }

// revision reads If-Match: 0 when it is absent or *. Errors: Invalid.
func (m IfMatch) revision() (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(m.IfMatch, "W/"), `"`), 10, 64)
	if err != nil || n < 1 {
		return 0, schemas.BadField("request", "If-Match", "%q is not a valid ETag", m.IfMatch)
	}
	return n, nil
}

// hasCaller is every input that embeds Caller.
type hasCaller interface{ caller() *Caller }

// MaxBody is what a body has at most, in bytes. Bodies are read before huma sees
// them, within bounds of size, time and number [gateway/bodies.go].
const MaxBody = 4 << 20

// operation is one line of the API's description.
type operation struct{ method, path, id, tag, summary string }

// op registers one operation; errors become problems, refusals are recorded.
func op[I any, O any](s *server, a huma.API, is operation, f func(ctx context.Context, in *I) (*O, error)) {
	o := huma.Operation{
		Method:          is.method,
		Path:            is.path,
		OperationID:     is.id,
		Summary:         is.summary,
		Tags:            []string{is.tag},
		MaxBodyBytes:    MaxBody + 1,
		BodyReadTimeout: -1,
		DefaultStatus:   goodStatus(is.id),
		Security:        []map[string][]string{{}, {"bearer": {}}},
		Responses:       map[string]*huma.Response{},
		Errors:          []int{400, 401, 403, 404, 406, 408, 409, 410, 412, 413, 422, 500, 503},
	}
	if is.method != http.MethodGet {
		s.gate.Add(is.method, is.path, is.id)
	}
	huma.Register(a, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		if err == nil {
			return out, nil
		}
		if c, ok := any(in).(hasCaller); ok {
			by := c.caller()
			late := s.refused(context.WithoutCancel(ctx), by, "http "+is.id, err)
			if late != nil {
				s.Log.Error("a refusal is not recorded", "op", is.id, "err", late)
			}
		}
		p := problem.Of(err, s.Log)
		h := http.Header{}
		problem.Headers(h, p)
		return nil, huma.ErrorWithHeaders(p, h)
	})
	if is.id == "register-dataset" || is.id == "submit-request" { // what is only checked is made nowhere
		o.Responses["200"] = &huma.Response{Description: "OK", Content: o.Responses["201"].Content}
	}
}

// refused records a refusal, of who bears a lease under the name of its holder.
func (s *server) refused(ctx context.Context, by *Caller, door string, err error) error {
	if by.lease != "" && !lease.IsJobKey(by.lease) {
		return s.Refusals.RefusedBytes(ctx, by.lease, by.address, door, err)
	}
	return s.Refusals.Refused(ctx, by.by, by.address, door, err)
}

// goodStatus is what the document says an operation answers when all is well: the
// same as made and one give.
func goodStatus(id string) int {
	switch id {
	case "register-dataset",
		"put-participant", "put-project", "put-factory", "put-store", "put-source", "submit-request", "mint-lease", "register-job-key",
		"stage-copy", "start-run", "add-output", "ask-to-join", "invite", "save-search", "put-call", "apply-to-call":
		return http.StatusCreated
	case "publish-version":
		return http.StatusAccepted
	default:
		return http.StatusOK
	}
}
