package gateway

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"guichet/gateway/api"
	"guichet/gateway/door"
	"guichet/gateway/flight"
	"guichet/policy/agreement/lease"
	"guichet/schemas"
)

// metrics are this process's own, never the library's default registry.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sent     *prometheus.CounterVec
	calls    *prometheus.CounterVec
	called   *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "guichet_http_requests_total", Help: "HTTP requests by route and status."},
			[]string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(
			prometheus.HistogramOpts{
				Name:    "guichet_http_request_seconds",
				Help:    "Seconds until a request was answered whole.",
				Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
			},
			[]string{"route"},
		),
		sent: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "guichet_http_sent_bytes_total", Help: "Bytes of answers."}, []string{"route"}),
		calls: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "guichet_flight_calls_total", Help: "Arrow Flight calls by method and gRPC status."},
			[]string{"method", "code"}),
		called: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "guichet_flight_sent_bytes_total", Help: "Bytes of Flight data sent, headers included."},
			[]string{"method"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.sent, m.calls, m.called, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// lag tells how far the search index is behind the registry, in changes: a large import
// shows here, and is no fault [decisions.md 32].
func (m *metrics) lag(head func(context.Context) (int64, error), position func() int64) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{
				Name: "guichet_index_lag_changes",
				Help: "Changes of the registry that the search index has not seen; NaN while the database is away.",
			},
			func() float64 {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				n, err := head(ctx)
				if err != nil {
					return math.NaN()
				}
				return float64(max(n-position(), 0))
			},
		),
	)
}

// waiting tells how many streams find no memory: an operator who sees it above zero for long
// gives more.
func (m *metrics) waiting(streams func() int) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{
				Name: "guichet_streams_waiting",
				Help: "Streams that wait until others end, since the setting memory allows no more.",
			},
			func() float64 { return float64(streams()) },
		),
	)
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observe counts every request and writes one line of log for it, also when the
// handler aborts the connection.
func (s *Server) observe(c *gin.Context) {
	began := time.Now()
	defer func() {
		route := c.FullPath()
		if route == "" {
			route = "none"
		}
		method := c.Request.Method
		if !slices.Contains(methods(), method) { // any word is a method to net/http, and each would stay in memory
			method = "other"
		}
		took := time.Since(began)
		status := c.Writer.Status()
		s.metrics.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
		s.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
		s.metrics.sent.WithLabelValues(route).Add(float64(door.SentBytes(c)))
		s.deps.Log.Info("request", "method", method, "route", route, "status", status, "bytes", door.SentBytes(c), "ms",
			float64(took.Microseconds())/1000, "by", s.caller(c), "about", c.Param("id"))
	}()
	c.Next()
}

// caller is who a request was made by, as far as it is known: an organisation, or the
// lease of a byte door, or the job key that signed.
func (s *Server) caller(c *gin.Context) string {
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	if by.Participant != "" {
		return string(by.Participant)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(c.GetHeader("Authorization"), "Bearer "), ".")
	if (lease.IsLease(id) || lease.IsJobKey(id)) && len(id) < 64 {
		return id
	}
	return ""
}

func methods() []string {
	return []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace,
	}
}

// observeCall counts a call of Arrow Flight, which writes its own line of log.
func (m *metrics) observeCall(c flight.Call) {
	m.calls.WithLabelValues(c.Method, c.Code.String()).Inc()
	m.called.WithLabelValues(c.Method).Add(float64(c.Bytes))
}
