package fetch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guichet/schemas"
)

// client reaches this machine, where the tests' hosts are.
func client(networks ...string) *Client {
	c := Config{Gap: -1, Within: 20 * time.Second}
	for _, n := range networks {
		c.Networks = append(c.Networks, netip.MustParsePrefix(n))
	}
	return New(c)
}

// serve answers everything but robots.txt, which it does not have.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestGuard: addresses that are not public are not reached, in any way of writing them.
func TestGuard(t *testing.T) {
	t.Parallel()
	g := newGuard([]netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")})
	for s, want := range map[string]bool{
		"93.184.215.14": true, "2606:2800:21f:cb07::1": true, "10.9.1.1": true, "::ffff:10.9.1.1": true, "::ffff:93.184.215.14": true,
		"127.0.0.1": false, "10.8.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "0.0.0.0": false,
		"100.64.0.1": false, "192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false, "203.0.113.1": false, "224.0.0.1": false,
		"255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fd00::1": false, "fec0::1": false,
		"ff02::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
		"2001:db8::1": false, "2001::1": false,
	} {
		if got := g.admits(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}

// TestInside: neither a name nor a redirect leads inside, and nothing is asked there.
func TestInside(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	within := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	_, port, err := net.SplitHostPort(within.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	outside := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/robots.txt" {
			http.Redirect(w, r, within.URL, http.StatusFound)
		}
	}))
	outside.Listener, err = net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	outside.Start()
	t.Cleanup(outside.Close)
	c := client("127.0.0.2/32")
	for name, at := range map[string]string{"address": within.URL, "name": "http://localhost:" + port, "redirect": outside.URL} {
		_, err := c.Get(t.Context(), Request{URL: at})
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: %v, want Denied", name, err)
		}
	}
	if asked.Load() > 0 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}

// TestAddresses: what is no web address is refused before anything is asked.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"", "file:///etc/hostname", "ftp://example.org/", "//example.org", "http://", "https://me:pw@example.org/", "http://[::1", "gopher://x/"} {
		_, err := client().Get(t.Context(), Request{URL: at})
		if schemas.KindOf(err) != schemas.Invalid {
			t.Errorf("%q: %v, want Invalid", at, err)
		}
	}
}

// TestGet: what comes, from where, and not again where it has not changed.
func TestGet(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/here?page=1", http.StatusMovedPermanently)
			return
		}
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("Link", `<?page=2>; rel="next"`)
		w.Header().Set("Content-Type", "application/ld+json; charset=utf-8")
		if r.Header.Get("If-None-Match") == `"a"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, r.Header.Get("Accept"), r.Header.Get("User-Agent"))
	})
	c := client("127.0.0.0/8", "::1/128")
	a, err := c.Get(t.Context(), Request{URL: s.URL + "/moved#part", Accept: "text/turtle"})
	if err != nil || string(a.Body) != "text/turtleguichet" || a.URL != s.URL+"/here?page=1" || a.ETag != `"a"` || len(a.Links) != 1 ||
		!strings.HasPrefix(a.Type, "application/ld+json") || a.Unchanged {
		t.Fatalf("%+v, %v", a, err)
	}
	a, err = c.Get(t.Context(), Request{URL: a.URL, ETag: a.ETag})
	if err != nil || !a.Unchanged || len(a.Body) > 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestBounds: an answer is whole or refused, also where it is packed; what does not end is left.
func TestBounds(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(make([]byte, 1<<16))
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		case "/short":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "short")
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/nowhere":
			w.Header().Set("Location", "file:///etc/hostname")
			w.WriteHeader(http.StatusFound)
		case "/slow":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		default:
			http.Error(w, "no", map[string]int{"/403": 403, "/404": 404, "/410": 410, "/500": 500}[r.URL.Path])
		}
	})
	c := client("127.0.0.0/8", "::1/128")
	c.Within = time.Second
	for path, want := range map[string]schemas.Kind{
		"/packed": schemas.TooLarge, "/short": schemas.Unavailable, "/loop": schemas.Unavailable, "/nowhere": schemas.Unavailable,
		"/slow": schemas.Unavailable, "/403": schemas.Denied, "/404": schemas.NotFound, "/410": schemas.Gone, "/500": schemas.Unavailable,
	} {
		_, err := c.Get(t.Context(), Request{URL: s.URL + path, Bytes: 1000})
		if schemas.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	_, err = c.Get(t.Context(), Request{URL: s.URL + "/packed", Bytes: 1 << 16})
	if err != nil {
		t.Errorf("one that has just as much: %v", err)
	}
}

// TestNoWayBackToPlainText: who reads over TLS is not led away from it.
func TestNoWayBackToPlainText(t *testing.T) {
	t.Parallel()
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked without TLS") })
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	t.Cleanup(s.Close)
	c := New(Config{Gap: -1, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	_, err := c.Get(t.Context(), Request{URL: s.URL})
	if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "https to http") {
		t.Errorf("%v, want Denied", err)
	}
}

// TestRobots: what a host forbids is not asked, for whom it forbids it, and a host that does not
// say forbids everything.
func TestRobots(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		text   string
		want   schemas.Kind
	}{
		"none":           {404, "", schemas.Internal},
		"permitted":      {200, "User-agent: *\nDisallow: /private\nAllow: /", schemas.Internal},
		"forbidden":      {200, "User-agent: *\nDisallow: /open", schemas.Denied},
		"for us":         {200, "User-agent: guichet\nDisallow: /open\n\nUser-agent: *\nDisallow:", schemas.Denied},
		"for others":     {200, "User-agent: other\nDisallow: /\n\nUser-agent: guichet\nDisallow:", schemas.Internal},
		"not understood": {200, "\x00\xff<html>", schemas.Internal},
		"not told":       {500, "", schemas.Unavailable},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.text)
			}
		}))
		_, err := client("127.0.0.0/8", "::1/128").Get(t.Context(), Request{URL: s.URL + "/open?x=1"})
		s.Close()
		if c.want == schemas.Internal && err != nil || c.want != schemas.Internal && schemas.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestHostsAreSpared: a host is asked by one request at a time, and not before it wants to be.
func TestHostsAreSpared(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		if n > most.Load() {
			most.Store(n)
		}
		if r.URL.Path == "/busy" {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	c := client("127.0.0.0/8", "::1/128")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_, err := c.Get(t.Context(), Request{URL: fmt.Sprintf("%s/%d", s.URL, i)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d requests at once", most.Load())
	}
	_, err := c.Get(t.Context(), Request{URL: s.URL + "/busy"})
	busy, ok := errors.AsType[*Later](err)
	if schemas.KindOf(err) != schemas.Busy || !ok || time.Until(busy.Until) < time.Hour {
		t.Fatalf("%v, want Busy for two hours", err)
	}
	c.Within = 100 * time.Millisecond
	_, err = c.Get(t.Context(), Request{URL: s.URL + "/1"})
	again, ok := errors.AsType[*Later](err)
	if schemas.KindOf(err) != schemas.Busy || !ok || !again.Until.Equal(busy.Until) || !strings.Contains(err.Error(), "asked to come back at") {
		t.Errorf("it was asked again, or waited for: %v", err)
	}
}

// TestWordsOfHosts: what a host says in its status forges nothing on a terminal.
func TestWordsOfHosts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, err = http.ReadRequest(bufio.NewReader(c))
			if err == nil {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 404 \x1b[2J%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", strings.Repeat("x", 10_000))
			}
			_ = c.Close()
		}
	}()
	_, err = client("127.0.0.0/8").Get(t.Context(), Request{URL: "http://" + l.Addr().String()})
	if schemas.KindOf(err) != schemas.NotFound || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 500 {
		t.Errorf("%q", err)
	}
}

// TestOneHost: however its name is written.
func TestOneHost(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"https://X.example:443/a": "https://x.example", "https://x.example./": "https://x.example", "http://x.example:80": "http://x.example",
		"https://x.example:80/": "https://x.example:80", "HTTP://[2606:2800::1]:80/": "http://[2606:2800::1]", "http://x.example:8080/": "http://x.example:8080",
	} {
		u, err := parse(at)
		if err != nil || origin(u) != want {
			t.Errorf("%s: %s, %v, want %s", at, origin(u), err, want)
		}
	}
}

// TestAsked: seconds and dates, and nothing that keeps us away for good.
func TestAsked(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for said, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "-1": 0, "soon": 0, "99999999999": 0, "999999": maxWait,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := asked(http.Header{"Retry-After": {said}}, now); got != want {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

// TestRobotsElsewhere: a robots.txt may stand at another address; one that redirects for ever is none,
// and one that leads inside is not followed.
func TestRobotsElsewhere(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]schemas.Kind{"/rules": schemas.Denied, "/robots.txt": schemas.Internal, "file:///rules": schemas.Invalid} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/robots.txt":
				w.Header().Set("Location", path)
				w.WriteHeader(http.StatusFound)
			case "/rules":
				fmt.Fprint(w, "User-agent: *\nDisallow: /")
			}
		}))
		_, err := client("127.0.0.0/8", "::1/128").Get(t.Context(), Request{URL: s.URL + "/open"})
		s.Close()
		if want == schemas.Internal && err != nil || want != schemas.Internal && schemas.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// TestGaps: a host's own delay counts where it is longer than ours, up to a bound, and for the other
// hosts nothing changes.
func TestGaps(t *testing.T) {
	t.Parallel()
	c := client("127.0.0.0/8", "::1/128")
	for said, want := range map[string]time.Duration{"Crawl-delay: 7": 7 * time.Second, "Crawl-delay: 86400": mostDelay, "Disallow: /x": 0} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				fmt.Fprint(w, "User-agent: *\n"+said)
			}
		}))
		_, err := c.Get(t.Context(), Request{URL: s.URL + "/open"})
		h := c.hosts.of(s.URL)
		s.Close()
		if wait := time.Until(h.next); err != nil || h.gap != want || wait > want || want > 0 && wait < want/2 {
			t.Errorf("%s: %s, next in %s, %v", said, h.gap, wait, err)
		}
	}
}

// TestHostsAreForgotten: what is kept of hosts is bounded.
func TestHostsAreForgotten(t *testing.T) {
	t.Parallel()
	var h hosts
	first := h.of("https://host0.example")
	for i := range maxHosts + 10 {
		h.of(fmt.Sprintf("https://host%d.example", i))
	}
	if len(h.known) > maxHosts || h.of("https://host0.example") == first {
		t.Errorf("%d hosts are kept", len(h.known))
	}
}

// FuzzParse: an address of strangers is refused, or is one of http without a name, a password or a
// fragment, which reads back as it is.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://portal.example/all?page=1#x", "HTTP://h:80", "http://[::1]:8/", "https://me@h/", "javascript:x", "//h", "http://h/%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parse(s)
		if err != nil {
			if schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		again, err := parse(u.String())
		if err != nil || again.Host != u.Host || u.User != nil || u.Fragment != "" || u.Hostname() == "" {
			t.Errorf("%q is %q, then %v, %v", s, u, again, err)
		}
	})
}
