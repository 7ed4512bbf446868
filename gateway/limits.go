package gateway

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/gateway/api"
	"guichet/gateway/api/rights"
	"guichet/gateway/door"
	"guichet/policy/agreement/lease"
	"guichet/schemas"
)

// Limits bound what callers may take of a site. The zero value of each is its default;
// they are generous, and there against floods, not to ration.
type Limits struct {
	Connections int `yaml:"connections"`                  // open at once, both doors together
	PerAddress  int `yaml:"connections_per_address"`      // of them from one address that is no configured proxy
	Leases      int `yaml:"leases_per_minute"`            // minted by one caller, and as many narrowed from all leases of one
	Writes      int `yaml:"writes_per_minute"`            // other writes of one caller, and dry runs of one address
	Datasets    int `yaml:"datasets_per_provider"`        // that are not withdrawn
	Uploads     int `yaml:"uploads_gib_per_provider"`     // GiB of uploaded files, together
	Incoming    int `yaml:"uploads_at_once"`              // running, each of which holds one part of a file (8 MiB)
	Each        int `yaml:"uploads_at_once_per_provider"` // of them, at most half
	Pending     int `yaml:"pending_requests_per_project"` // that wait for a review
	Runs        int `yaml:"runs_per_project"`
}

// Filled gives the limits with defaults in place of zeros.
func (l Limits) Filled() Limits {
	for _, d := range []struct {
		limit *int
		most  int
	}{{&l.Connections, 8192}, {&l.PerAddress, 2048}, {&l.Leases, 6000}, {&l.Writes, 6000}, {&l.Datasets, 100_000}, {&l.Uploads, 10_000},
		{&l.Incoming, 64}, {&l.Each, 16}, {&l.Pending, 1000}, {&l.Runs, 1_000_000}} {
		if *d.limit == 0 {
			*d.limit = d.most
		}
	}
	return l
}

// Check says what is wrong with the settings. Errors: Invalid.
func (l Limits) Check() error {
	for name, n := range map[string]int{"connections": l.Connections, "connections_per_address": l.PerAddress, "leases_per_minute": l.Leases,
		"writes_per_minute":     l.Writes,
		"datasets_per_provider": l.Datasets, "uploads_gib_per_provider": l.Uploads, "uploads_at_once": l.Incoming,
		"uploads_at_once_per_provider": l.Each,
		"pending_requests_per_project": l.Pending, "runs_per_project": l.Runs} {
		if n < 0 {
			return schemas.BadField("settings", "limits", "%s is %d; give a number above 0, or leave it out for the default", name, n)
		}
	}
	return nil
}

// rates counts what callers do, so that one flood keeps nobody else waiting: a bucket
// for each caller, which holds what may be done in a minute and fills up again as
// time passes. Safe for concurrent use.
type rates struct {
	now     func() time.Time
	mu      sync.Mutex
	buckets map[string]bucket
	swept   time.Time
}

// bucket is what one caller has used up of its calls; it fills with time.
type bucket struct {
	used float64 // what is missing of a full one
	at   time.Time
}

// newRates begins to count calls by their caller.
func newRates(now func() time.Time) *rates { return &rates{now: now, buckets: map[string]bucket{}} }

// take takes one of perMinute of a caller; wait is how long until there is one again,
// 0 when it was taken.
func (r *rates) take(caller string, perMinute int) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.swept) > time.Minute { // who did nothing for a minute has a full one
		for k, b := range r.buckets {
			if now.Sub(b.at) > time.Minute {
				delete(r.buckets, k)
			}
		}
		r.swept = now
	}
	b := r.buckets[caller]
	perSecond := float64(perMinute) / 60
	b.used = math.Max(0, b.used-now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.used+1 > float64(perMinute) {
		r.buckets[caller] = b
		return time.Duration((b.used + 1 - float64(perMinute)) / perSecond * float64(time.Second))
	}
	b.used++
	r.buckets[caller] = b
	return 0
}

// paced refuses a write of a caller who makes too many. What takes data away from
// others' reach, such as a revocation, is never refused so.
func (s *Server) paced(c *gin.Context, right rights.Right, by schemas.Principal) error {
	if right.Brake {
		return nil
	}
	caller, most, what := "who\x00"+by.Issuer+"\x00"+by.Subject, s.limits.Writes, "writes"
	switch {
	case right.Bytes:
		token, _ := c.Value(api.LeaseKey).(string)
		caller, what = "with\x00"+token, "asks for ranges with a lease"
	case right.Lease:
		most, what = s.limits.Leases, "leases"
		token, _ := c.Value(api.LeaseKey).(string)
		switch {
		case lease.IsJobKey(token): // not known yet: anybody may write its id
			caller = "at\x00" + door.Shown(door.Address(c.Request, s.deps.Behind))
		case token != "": // whoever narrows it narrows for its holder, apart from what this one mints
			holder, err := s.deps.Leases.Holder(c.Request.Context(), token)
			if err != nil {
				return err
			}
			caller = "for\x00" + holder
		}
	case !by.SignedIn():
		caller = "at\x00" + door.Shown(door.Address(c.Request, s.deps.Behind))
	}
	wait := s.rates.take(what+"\x00"+caller, most)
	if wait == 0 {
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	c.Header("Retry-After", strconv.Itoa(seconds))
	return &schemas.Error{Kind: schemas.Busy, Subject: "request", Message: fmt.Sprintf("you make more than %d %s a minute", most, what),
		Remedy: fmt.Sprintf("go on in %d s, and slower; the operator sets the limit", seconds)}
}

// uploadIdle is how long an upload may send nothing, uploadTime how long it may take.
const (
	uploadIdle = time.Minute
	uploadTime = 6 * time.Hour
)

// patient moves the time that a body has forward as its bytes come.
type patient struct {
	body interface{ Read(p []byte) (int, error) }
	c    *http.ResponseController
	idle time.Duration
	end  time.Time
}

func (p *patient) Read(b []byte) (int, error) {
	until := time.Now().Add(p.idle)
	if p.end.Before(until) {
		until = p.end
	}
	_ = p.c.SetReadDeadline(until) // not every writer can; then the server's own limit stands
	return p.body.Read(b)
}
