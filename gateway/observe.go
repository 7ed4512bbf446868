package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are this process's own, never the library's default registry.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sent     *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guichet_http_requests_total", Help: "HTTP requests by route and status."}, []string{"method", "route", "status"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "guichet_http_request_seconds", Help: "Seconds until a request was answered whole.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 10)}, []string{"route"}),
		sent:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guichet_http_sent_bytes_total", Help: "Bytes of answers."}, []string{"route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.sent, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
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
		took := time.Since(began)
		status := c.Writer.Status()
		s.metrics.requests.WithLabelValues(c.Request.Method, route, strconv.Itoa(status)).Inc()
		s.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
		s.metrics.sent.WithLabelValues(route).Add(float64(max(c.Writer.Size(), 0)))
		s.deps.Log.Info("request", "method", c.Request.Method, "route", route, "status", status, "bytes", max(c.Writer.Size(), 0), "dur", took)
	}()
	c.Next()
}
