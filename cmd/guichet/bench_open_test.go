package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// open is what a short stream costs the gateway beside its bytes, which are counted as those
// of a long one that is read alone.
func (m *meter) open() {
	const streams = 400
	one := m.set("one")
	m.declare(true)
	for _, readers := range numbers() {
		plain := m.untouched(1)
		h, token := plainHTTP(), m.lease(one.plain)
		drain := m.stream(h, m.addresses.HTTP, token, one.plain, url.Values{"world": {"1"}, "rank": {"0"}})(readers)
		var bytes atomic.Int64
		used := m.spent()
		m.together(readers, func(i int) error {
			for range streams / readers {
				n, _, err := drain(i)
				if err != nil {
					return err
				}
				bytes.Add(n)
			}
			return nil
		})
		now := m.spent().since(used)
		own := plain.gateway / plain.gb() * float64(bytes.Load()) / 1e9
		m.add(figure{Bench: "stream.open", Readers: readers, Value: (now.gateway - own) / streams * 1e3, Unit: "ms CPU a stream",
			Reference: "its bytes' own", RefValue: own / streams * 1e3})
	}
}

// jobStart is a job's first second: every worker of every rank opens its part at once.
// It is as long as the last of them waits for its first batch, beyond what the same
// workers wait for as many bytes straight from the store. The gateway's processor time of a
// worker, to the end of its stream, says more on a machine that others use too.
func (m *meter) jobStart() {
	const workers = 1024 * 4
	large := m.set("large")
	m.declare(true)
	st, size := m.store(), large.bytes/workers
	direct := m.lastOf(workers, func(i int) error {
		sh := large.shards[i%len(large.shards)]
		body, err := st.Open(m.Context(), sh.Bucket, sh.Key, sh.ETag, int64(i/len(large.shards))*size, size)
		if err != nil {
			return err
		}
		_, err = drop(body, make([]byte, 64<<10))
		return errors.Join(err, body.Close())
	})
	trainer, token := m.as("trainer"), m.lease(large.plain)
	var done []func()
	var mu sync.Mutex
	used := m.spent()
	through := m.lastOf(workers, func(i int) error {
		s, err := trainer.Through(node(i%64)).OpenStream(m.Context(), token, large.plain, url.Values{"world": {strconv.Itoa(workers)}, "rank": {strconv.Itoa(i)}})
		if err != nil {
			return err
		}
		buf := make([]byte, 64<<10)
		for s.Received() == 0 && err == nil {
			_, err = s.Read(buf)
		}
		mu.Lock()
		defer mu.Unlock()
		done = append(done, func() { _, _ = drop(s, buf); _ = s.Close() })
		return err
	})
	for _, f := range done {
		f()
	}
	cpu := m.spent().since(used).gateway / workers * 1e3
	m.add(figure{Bench: "job.start", Readers: workers, Value: through.last - direct.last, Unit: "s beyond direct", Reference: "direct S3, last range",
		RefValue: direct.last, Note: fmt.Sprintf("%s; %.2f ms CPU of the gateway a worker", through.note(), cpu)})
}

// node is a job's network on one of a few addresses of this machine, as if they were nodes.
func node(n int) *http.Transport {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+n))}}
	return &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: -1, DisableKeepAlives: true}
}

// burst is how a number of callers fared that began at once.
type burst struct {
	last    float64 // seconds until the last was served
	refused int
	why     error
}

func (b burst) note() string {
	if b.refused == 0 {
		return "no refusal"
	}
	return fmt.Sprintf("%d refused: %.90s", b.refused, b.why)
}

// lastOf has n callers begin at once.
func (m *meter) lastOf(n int, f func(i int) error) burst {
	failed := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			failed[i] = f(i)
		})
	}
	began := time.Now()
	close(start)
	wg.Wait()
	out := burst{last: time.Since(began).Seconds()}
	for _, err := range failed {
		if err != nil {
			out.refused, out.why = out.refused+1, err
		}
	}
	return out
}

// memory is what Go takes of the system while 64 clients read long streams, each at 4 MiB/s.
func (m *meter) memory() {
	const streams, pace, length = 64, 4 << 20, 15 * time.Second
	large := m.set("large")
	m.declare(true)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	m.must(err)
	at := free.Addr().String()
	m.must(free.Close())
	m.restart("GUICHET_METRICS_LISTEN=" + at)
	token, h := m.lease(large.plain), plainHTTP()
	ctx, cancel := context.WithTimeout(m.Context(), length)
	defer cancel()
	var peak, resident float64
	var watched sync.WaitGroup
	watched.Go(func() {
		for ctx.Err() == nil {
			now := m.metrics(at)
			peak, resident = max(peak, now["go_memstats_sys_bytes"]), max(resident, now["process_resident_memory_bytes"])
			time.Sleep(200 * time.Millisecond)
		}
	})
	m.together(streams, func(int) error {
		resp, err := opened(ctx, h, m.addresses.HTTP, token, large.plain, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		tick := time.NewTicker(time.Second / 4)
		defer tick.Stop()
		buf := make([]byte, pace/4)
		for {
			_, err := io.ReadFull(resp.Body, buf)
			if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			if err != nil {
				return err
			}
			<-tick.C
		}
	})
	watched.Wait()
	m.add(figure{Bench: "process.memory", Readers: streams, Value: peak / 1e6, Unit: "MB of Go, most", Reference: "resident, most", RefValue: resident / 1e6})
	m.restart()
}

// metrics reads the gateway's figures.
func (m *meter) metrics(at string) map[string]float64 {
	out := map[string]float64{}
	resp, err := http.Get("http://" + at + "/metrics")
	if err != nil {
		return out
	}
	defer resp.Body.Close()
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		name, value, ok := strings.Cut(in.Text(), " ")
		if ok && !strings.HasPrefix(name, "#") {
			out[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return out
}
