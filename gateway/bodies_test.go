package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Who calls is asked before a body is read: without a token, or without the role, a
// body of any kind and size is never parsed, and what is answered says who may.
func TestBodiesAfterCallers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct {
		who, method, path string
		status            int
	}{
		{"", "POST", "/datasets", 401}, {"", "POST", "/participants", 401}, {"", "POST", "/leases", 401}, {"", "POST", "/runs", 401},
		{"trainer", "POST", "/datasets", 403}, {"agronomy", "POST", "/participants", 403}, {"agronomy", "POST", "/requests", 403}, {"officer", "PUT", "/datasets/x/offer", 403},
	} {
		for kind, body := range map[string]string{"application/json": `{"broken`, "application/yaml": "a: [", "application/ld+json": "{", "text/plain": "x"} {
			for _, key := range []string{"", "k"} {
				h := []string{"Content-Type", kind}
				if key != "" {
					h = append(h, "Idempotency-Key", key)
				}
				s.want(c.status, c.who, c.method, c.path, body, h...)
			}
		}
	}
	lease := "lease-x." + strings.Repeat("0", 64) // of no site
	s.want(401, "", "POST", "/leases", `{"broken`, "Authorization", "Bearer "+lease)
}

// An operation that is open to strangers reads little of them, and plain JSON only.
func TestStrangersBodies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	s.publish(d.ID)
	ask := fmt.Sprintf(`{"dataset":%q,"purpose":"train-model"}`, d.ID)
	s.want(200, "", "POST", "/decisions", ask)
	s.want(422, "", "POST", "/decisions", "dataset: x", "Content-Type", "application/yaml")
	s.want(422, "", "POST", "/decisions", ask, "Content-Type", "application/ld+json")
	s.want(413, "", "POST", "/decisions", `{"dataset":"`+strings.Repeat("x", 64<<10)+`"}`)
	s.want(413, "", "POST", "/decisions", `{"columns":[`+strings.Repeat(`"",`, 9000)+`""]}`)
	s.want(422, "", "POST", "/decisions", strings.Repeat("[", 65)+strings.Repeat("]", 65))
	s.want(422, "trainer", "POST", "/decisions", "purpose: "+strings.Repeat("[", 300), "Content-Type", "application/yaml")
}

// A body that does not come ends after seconds, with an Idempotency-Key as without it,
// and also where it is refused unread.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var all sync.WaitGroup
	for _, c := range []struct {
		header string
		path   string
		want   string
	}{
		{"", "/decisions", "408"}, {"Idempotency-Key: k\r\n", "/decisions", "408"}, {"", "/datasets", "401"},
		{"Authorization: Bearer " + token(t, s.issuer, "agronomy", nil) + "\r\nIdempotency-Key: k\r\n", "/datasets", "408"},
	} {
		all.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, err = io.WriteString(conn, "POST /api/v1"+c.path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+c.header+"Content-Length: 60000\r\n\r\n{")
			if err != nil {
				t.Error(err)
				return
			}
			r, err := http.ReadResponse(bufio.NewReader(conn), nil) // blocks until the gateway's bound, which is the test
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if fmt.Sprint(r.StatusCode) != c.want {
				t.Errorf("%s %q: %d, want %s", c.path, c.header, r.StatusCode, c.want)
			}
		})
	}
	all.Wait()
}

// Bodies of which little comes hold little, whatever they announce: many of one
// member delay neither what takes data out of reach nor other writes.
func TestHalfSentBodiesLockNobodyOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var open []net.Conn
	for _, length := range []string{"Content-Length: 4194304\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"} {
		for range 16 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
			must(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			_, err = io.WriteString(conn, "POST /api/v1/requests HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nAuthorization: Bearer "+token(t, s.issuer, "trainer", nil)+"\r\n"+length)
			must(t, err)
			open = append(open, conn)
		}
	}
	for _, conn := range open { // the gateway says so when it reads the body
		line, err := bufio.NewReader(conn).ReadString('\n')
		must(t, err)
		if !strings.Contains(line, "100 Continue") {
			t.Fatalf("a half-sent body is answered %q", line)
		}
	}
	why := map[string]string{"reason": "a leak was seen"}
	s.want(404, "agronomy", "POST", "/agreements/agr-x/revoke", why)
	s.want(404, "operator", "POST", "/participants/https%3A%2F%2Fnobody.example/stop", why)
	s.want(404, "agronomy", "DELETE", "/datasets/x", nil)
	s.want(422, "trainer", "POST", "/requests", map[string]any{"project": "x", "items": []map[string]any{{"dataset": "x"}}})
	s.want(201, "grid", "POST", "/datasets", wheat("Wheat")) // small
	large := `{"space":"agriculture","title":{"en":"Rye"},"description":{"en":"Rye"},"licence":"CC-BY-4.0","countries":["FR"]` + strings.Repeat(" ", 200<<10) + "}"
	s.want(201, "grid", "POST", "/datasets", large)
}

// What a body says twice, in another case or by null is refused where it would change
// what terms mean, with a pointer; in YAML as in JSON.
func TestBodiesSayThingsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Wheat"))
	offer := "/datasets/" + string(d.ID) + "/offer"
	only := `{"left":"recipient","operator":"eq","right":["https://university.example"]}`
	for _, c := range []struct{ rule, at string }{
		{`"kind":"prohibition","kind":"permission","actions":["use"]`, "/rules/0/kind"},
		{`"kind":"prohibition","actions":["use"],"KIND":"permission"`, "/rules/0/KIND"},
		{`"Kind":"permission","actions":["use"]`, "/rules/0/Kind"},
		{`"kind":"permission","actions":["use"],"constraint":` + only + `,"constraint":null`, "/rules/0/constraint"},
		{`"kind":"permission","actions":["use"],"constraint":` + only + `,"Constraint":null`, "/rules/0/Constraint"},
		{`"kind":"permission","actions":["use"],"constraint":null`, "/rules/0/constraint"},
		{`"kind":"permission","actions":["use"],"constraint":{"and":[null,` + only + `]}`, "/rules/0/constraint/and/0"},
		{`"kind":"permission","actions":["use"],"duties":[{"kind":"hide","columns":["v"]}],"Duties":[]`, "/rules/0/Duties"},
		{`"kind":"permission","actions":["use"],"duties":null`, "/rules/0/duties"},
	} {
		for _, kind := range []string{"application/json", "application/ld+json", "application/yaml"} {
			r := s.call("agronomy", "PUT", offer, `{"rules":[{`+c.rule+`}]}`, "Content-Type", kind)
			twice := kind == "application/yaml" && strings.Contains(r.body, "already defined") // with a line, as its reader says it
			if r.status != 422 && r.status != 400 || !strings.Contains(strings.ToLower(r.body), strings.ToLower(c.at)+`"`) && !twice {
				t.Errorf("%s %s: %d %s, want a fault at %s", kind, c.rule, r.status, r.body, c.at)
			}
		}
	}
	s.want(200, "agronomy", "PUT", offer, `{"rules":[{"kind":"permission","actions":["use"],"constraint":`+only+`}]}`)
	for _, more := range []string{`"licence":"CC0-1.0"`, `"Licence":"CC0-1.0"`} {
		for _, kind := range []string{"application/json", "application/ld+json"} {
			r := s.call("agronomy", "POST", "/datasets", `{"space":"agriculture","title":{"en":"x"},"description":{"en":"x"},"licence":"CC-BY-4.0","countries":["FR"],`+more+`}`, "Content-Type", kind)
			if r.status != 422 && r.status != 400 || !strings.Contains(strings.ToLower(r.body), `"/licence"`) {
				t.Errorf("%s %s: %d %s", kind, more, r.status, r.body)
			}
		}
	}
}
